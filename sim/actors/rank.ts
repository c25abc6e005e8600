import { Arena } from '../engine/arena.ts';
import { dispatchFlags, flagCount } from '../moe/heap.ts';
import { cellRowBlocks, type Shape } from '../moe/shape.ts';
import { BitSet } from './bit-set.ts';
import { IntRing } from './int-ring.ts';
import { ProcessorWords } from './processor-words.ts';
import { processorQueueCapacity, subscriberQueueCapacity } from './queue-capacity.ts';
import { TaskQueue } from './task-queue.ts';

/** Sizes of a rank's blocks. */
export interface RankSizes {
  readonly processors: number;
  readonly subscribers: number;
}

/**
 * The memory of one rank that several of its actors, or its peers, read and write. Private state of an actor is kept by
 * that actor. Words keep their values from launch to launch, as in the kernel.
 */
export class RankState {
  /** Where small arrays of its actors lie. */
  readonly arena: Arena;
  readonly rank: number;
  readonly gpu: number;
  /** Lane of the simulation that its actors run in. */
  readonly lane: number;
  readonly localExperts: number;
  readonly tokens: number;

  /** Launch that runs now or ran last; -1 before the first. */
  epoch = -1;
  /** Rows this rank keeps for each expert in this launch. */
  ownRows: readonly number[] = [];
  /** Row blocks announced to each peer in this launch. */
  readonly rowTilesTo: Int32Array;

  /** All tasks of this launch are scheduled, so every word that carries rows was read. */
  allRead = true;

  /** Epoch state of every flag of the heap; 0: ground. */
  readonly flagState: Uint8Array;
  /** Rows and announced row blocks of the dispatch flags. */
  readonly flagRows: Int32Array;
  readonly flagTiles: Int32Array;

  /** Most tasks this rank can still be asked to run in this launch, in all. */
  bound = 0;
  scheduled = 0;
  finished = 0;
  /** Row blocks announced by each peer in this launch; -1: not known yet. */
  readonly announced: Int32Array;
  unannounced = 0;

  /** Rows put so far for each expert by this rank's blocks. */
  readonly cellArrivals: Int32Array;
  /** GEMM0 tiles finished of each row block; allocated row blocks of all incoming cells. */
  readonly rowBlockArrivals: Uint16Array;

  /** One queue a subscriber, then the processors' queue. */
  readonly queues: readonly TaskQueue[];

  /** Doorbells and status words. */
  readonly processors: ProcessorWords;
  /** Processors whose doorbells are rung and not visible yet, in order. */
  readonly ringing: IntRing;
  /** Processors with a status word that the scheduler has not read. */
  readonly unreadStatus: BitSet;

  constructor(
    shape: Shape,
    place: { rank: number; gpu: number; lane: number; localExperts: number; tokens: number },
    sizes: RankSizes,
    eager: boolean,
    arena: Arena = new Arena(),
  ) {
    this.arena = arena;
    this.rank = place.rank;
    this.gpu = place.gpu;
    this.lane = place.lane;
    this.localExperts = place.localExperts;
    this.tokens = place.tokens;
    this.rowTilesTo = new Int32Array(shape.ranks);
    this.flagState = new Uint8Array(flagCount(shape));
    this.flagRows = new Int32Array(dispatchFlags(shape));
    this.flagTiles = new Int32Array(dispatchFlags(shape));
    this.announced = new Int32Array(shape.ranks);
    this.cellArrivals = new Int32Array(shape.experts);
    this.rowBlockArrivals = new Uint16Array(shape.slots * shape.ranks * cellRowBlocks(shape));
    const forSubscriber = subscriberQueueCapacity(shape);
    this.queues = Array.from(
      { length: sizes.subscribers + 1 },
      (_, q) =>
        new TaskQueue(q < sizes.subscribers ? forSubscriber : processorQueueCapacity(shape), arena),
    );
    this.processors = new ProcessorWords(sizes.processors);
    this.ringing = new IntRing(16, arena);
    this.unreadStatus = new BitSet(sizes.processors, arena);
    // Eager: doorbell 0 counts as taken. A lazy processor says so itself, after its share of the dispatch.
    if (eager) for (let p = 0; p < sizes.processors; p++) this.unreadStatus.add(p);
  }

  /** Queue that processors publish GEMM1 tasks on. */
  get processorQueue(): number {
    return this.queues.length - 1;
  }
}
