import { tileSlots } from '../machine/wgmma-ring.ts';
import { Op } from '../moe/generated/layout.ts';
import { EventKind } from '../trace/generated/events.ts';
import { CombineArrivals } from './combine-arrivals.ts';
import { CopyLead } from './copy-lead.ts';
import type { Network } from './network.ts';
import type { ProcessorBlocks } from './processor-blocks.ts';
import { ProcessorReports } from './processor-reports.ts';
import { Word, wordStride } from './processor-words.ts';
import type { RankState } from './rank.ts';
import type { Scheduler } from './scheduler.ts';
import {
  Front,
  mostWaiting,
  Stream,
  StreamReal,
  StreamWords,
  streamReals,
  streamStride,
} from './stream-words.ts';
import { TaskCost } from './task-cost.ts';
import type { TaskNoise } from './task-noise.ts';
import { TileWork } from './tile-work.ts';
import { fail, type World } from './world.ts';

/** The processors of one rank. */
interface Bank {
  readonly state: RankState;
  readonly arrivals: CombineArrivals;
  readonly streams: StreamWords;
}

/**
 * The processor blocks of every rank in a kernel that runs COMBINE beside tiles. A processor has two streams: tiles, one
 * after the other, and COMBINE tasks on helper warps. A tile that finds others in hand stays in the mailbox until enough of
 * the copies of the one before it are issued: see {@link CopyLead}. A COMBINE leaves the mailbox at once and waits, one of a
 * few, for the whole processor (wide) when it has no tile, or else for the helpers.
 *
 * A tile takes the SM's tensor rate, less what a COMBINE beside it takes, and the weights that nobody has read yet from the
 * GPU's memory; it ends when both are served, plus its fixed part, which includes its stores. A COMBINE moves its rows
 * through the memory, where tiles' weights and other SMs compete with it.
 */
export class StreamProcessors implements ProcessorBlocks {
  readonly #world: World;
  readonly #network: Network;
  readonly #reports: ProcessorReports;
  readonly #cost: TaskCost;
  readonly #banks: readonly Bank[];
  readonly #work: TileWork;
  readonly #lead: CopyLead;
  readonly #waiting: number;
  readonly #handOverNs: number;
  readonly #beginTile: number;
  readonly #tileServed: number;
  readonly #tileComputed: number;
  readonly #delivered: number;
  readonly #signalTile: number;
  readonly #asideServed: number;
  readonly #asideDone: number;

  constructor(world: World, scheduler: Scheduler, network: Network, noise: TaskNoise) {
    const { sim, beside, machine, ranks, processors } = world;
    if (beside === undefined || beside.combineWaiting > mostWaiting) {
      throw new RangeError(
        `processors: expected a kernel with up to ${mostWaiting} COMBINE tasks waiting, got ${beside?.combineWaiting}`,
      );
    }
    this.#world = world;
    this.#network = network;
    this.#cost = new TaskCost(world, noise);
    this.#reports = new ProcessorReports(world, scheduler, network, this.#cost);
    this.#waiting = beside.combineWaiting;
    this.#handOverNs = beside.handOverNs;
    this.#banks = ranks.map((state) => ({
      state,
      arrivals: new CombineArrivals(world, state),
      streams: new StreamWords(processors),
    }));
    const on = (act: (bank: Bank, p: number) => void): number =>
      sim.handle((rank, p) => act(this.#banks[rank]!, p));
    world.handlers.doorbell = on((bank, count) => this.#onDoorbells(bank, count));
    this.#beginTile = on((bank, p) => this.#onBeginTile(bank, p));
    this.#tileServed = on((bank, p) => this.#onTileServed(bank, p));
    this.#tileComputed = on((bank, p) => this.#onTileComputed(bank, p));
    this.#delivered = on(({ state }, p) => {
      sim.at(sim.now + machine.fenceNs, this.#signalTile, state.rank, p);
    });
    this.#signalTile = on((bank, p) => this.#onStored(bank, p));
    this.#asideServed = on((bank, p) => this.#onAsideServed(bank, p));
    this.#asideDone = on((bank, p) => this.#onAsideDone(bank, p));
    const sizes = { ranks: ranks.length, processors, share: beside.asideShare };
    const reached = on((bank, p) => this.#turn(bank, p));
    this.#work = new TileWork(sim, sizes, this.#tileServed, reached);
    this.#lead = new CopyLead(world, this.#work);
  }

  beginLaunch(rank: number): void {
    const { streams, arrivals } = this.#banks[rank]!;
    for (let at = Stream.open; at < streams.words.length; at += streamStride) streams.words[at] = 0;
    arrivals.begin();
    this.#cost.beginLaunch(rank);
  }

  endLaunch(rank: number): void {
    this.#banks[rank]!.arrivals.assertComplete();
  }

  openMailbox(rank: number, processor: number): void {
    const bank = this.#banks[rank]!;
    const { state, streams } = bank;
    streams.words[processor * streamStride + Stream.open] = 1;
    streams.reals[processor * streamReals + StreamReal.freeAt] = 0;
    if (!this.#world.eager) {
      const { words } = state.processors;
      this.#reports.status(state, processor, words[processor * wordStride + Word.sequence]!);
    }
    this.#turn(bank, processor);
  }

  #onDoorbells(bank: Bank, count: number): void {
    const { state, streams } = bank;
    for (let n = 0; n < count; n++) {
      const p = state.ringing.shift();
      state.processors.words[p * wordStride + Word.rung] = 1;
      streams.reals[p * streamReals + StreamReal.rungAt] = this.#world.sim.now;
      this.#turn(bank, p);
    }
  }

  /** Looks at the mailbox and at the COMBINE tasks that wait, until nothing more is possible: what has become so begins. */
  #turn(bank: Bank, p: number): void {
    const { state, streams } = bank;
    const { words } = streams;
    const at = p * streamStride;
    if (words[at + Stream.open] === 0) return;
    let acts = true;
    while (acts) {
      acts = this.#readMailbox(bank, p);
      if (words[at + Stream.waiting]! > 0) {
        const wide = words[at + Stream.tiles] === 0;
        if (wide || words[at + Stream.aside] === 0) {
          this.#startCombine(bank, p, wide);
          acts = true;
        }
      }
      if (words[at + Stream.held] === 1 && this.#lead.mayLeave(state.rank, streams, p)) {
        this.#consumeTile(bank, p);
        acts = true;
      }
    }
    if (words[at + Stream.tiles]! > 0 && words[at + Stream.front] === Front.waits) {
      this.#scheduleTile(bank, p);
    }
  }

  /** Takes what lies in the mailbox into hand, if there is room; a tile stays in the mailbox as well. True when it did. */
  #readMailbox(bank: Bank, p: number): boolean {
    const { state, streams } = bank;
    const { words, reals } = streams;
    const at = p * streamStride;
    const mailbox = state.processors.words;
    if (mailbox[p * wordStride + Word.rung] === 0 || words[at + Stream.held] === 1) return false;
    const tiles = words[at + Stream.tiles]!;
    const waiting = words[at + Stream.waiting]!;
    if (mailbox[p * wordStride + Word.bellExit] === 1) {
      if (tiles + words[at + Stream.aside]! + waiting === 0) this.#exit(bank, p);
      return false;
    }
    if (tiles === tileSlots || waiting >= (tiles === 0 ? 1 : this.#waiting)) return false;
    const task = mailbox[p * wordStride + Word.bellTask]!;
    if (this.#world.decoder.operation(task) === Op.Combine) {
      this.#takeCombine(bank, p, task);
      return true;
    }
    const place = (words[at + Stream.tileFirst]! + tiles) % tileSlots;
    words[at + Stream.tileRing + 2 * place] = task;
    words[at + Stream.tiles] = tiles + 1;
    words[at + Stream.held] = 1;
    const rungAt = reals[p * streamReals + StreamReal.rungAt]!;
    reals[p * streamReals + StreamReal.readyAt + place] = rungAt + this.#world.machine.taskDecodeNs;
    return true;
  }

  /** The tile that is held leaves the mailbox. */
  #consumeTile(bank: Bank, p: number): void {
    const { words } = bank.streams;
    const at = p * streamStride;
    const place = (words[at + Stream.tileFirst]! + words[at + Stream.tiles]! - 1) % tileSlots;
    const ring = at + Stream.tileRing + 2 * place;
    words[at + Stream.held] = 0;
    words[ring + 1] = this.#consume(bank, p, words[ring]!);
  }

  /** Nothing is before the first tile: it begins when it has its addresses and the stream has turned to it. */
  #scheduleTile({ state, streams }: Bank, p: number): void {
    const { words, reals } = streams;
    const at = p * streamStride;
    words[at + Stream.front] = Front.scheduled;
    const ready = reals[p * streamReals + StreamReal.readyAt + words[at + Stream.tileFirst]!]!;
    const free = reals[p * streamReals + StreamReal.freeAt]! + this.#handOverNs;
    const { sim } = this.#world;
    sim.at(Math.max(sim.now, ready, free), this.#beginTile, state.rank, p);
  }

  #exit({ state }: Bank, p: number): void {
    const { sim, eager, handlers } = this.#world;
    const sequence = this.#takeDoorbell(state, p);
    this.#reports.record(state, p, sim.now, EventKind.Exit, 0, sequence);
    if (eager) this.#reports.status(state, p, sequence);
    sim.at(sim.now, handlers.exited, state.rank, 0);
  }

  /** Empties the mailbox; returns the sequence number of its doorbell. */
  #takeDoorbell({ processors: { words } }: RankState, p: number): number {
    const at = p * wordStride;
    const sequence = words[at + Word.bellSequence]!;
    words[at + Word.bellTaken] = 1;
    words[at + Word.rung] = 0;
    words[at + Word.sequence] = sequence;
    return sequence;
  }

  /** A task leaves the mailbox. */
  #consume({ state }: Bank, p: number, task: number): number {
    const sequence = this.#takeDoorbell(state, p);
    this.#reports.record(state, p, this.#world.sim.now, EventKind.TaskConsumed, task, sequence);
    if (this.#world.eager) this.#reports.status(state, p, sequence);
    return sequence;
  }

  #takeCombine(bank: Bank, p: number, task: number): void {
    const { words } = bank.streams;
    const at = p * streamStride;
    const place = (words[at + Stream.waitingFirst]! + words[at + Stream.waiting]!) % mostWaiting;
    words[at + Stream.waitingRing + 2 * place] = task;
    words[at + Stream.waitingRing + 2 * place + 1] = this.#consume(bank, p, task);
    words[at + Stream.waiting]!++;
  }

  /** The first product of the tile whose turn it is. */
  #onBeginTile(bank: Bank, p: number): void {
    const { state, streams } = bank;
    const { sim, decoder, machine } = this.#world;
    const at = p * streamStride;
    const ring = at + Stream.tileRing + 2 * streams.words[at + Stream.tileFirst]!;
    const index = streams.words[ring]!;
    this.#reports.record(state, p, sim.now, EventKind.TaskStarted, index, streams.words[ring + 1]!);
    const cost = this.#cost;
    cost.price(state, index, decoder.decode(index), bank.arrivals);
    streams.words[at + Stream.front] = Front.runs;
    streams.reals[p * streamReals + StreamReal.tileTailNs] = cost.fixedNs;
    streams.words[at + Stream.tileParts] = cost.streamBytes > 0 ? 2 : 1;
    this.#work.start(state.rank, p, cost.work / machine.blockShare);
    if (cost.streamBytes > 0) {
      this.#network.stream(state.gpu, cost.streamBytes, this.#tileServed, state.rank, p);
    }
    this.#turn(bank, p);
  }

  #startCombine(bank: Bank, p: number, wide: boolean): void {
    const { state, streams } = bank;
    const { words, reals } = streams;
    const { sim, decoder } = this.#world;
    const at = p * streamStride;
    const place = words[at + Stream.waitingFirst]!;
    const index = words[at + Stream.waitingRing + 2 * place]!;
    const sequence = words[at + Stream.waitingRing + 2 * place + 1]!;
    words[at + Stream.waitingFirst] = (place + 1) % mostWaiting;
    words[at + Stream.waiting]!--;
    if (wide) {
      const ring = at + Stream.tileRing + 2 * words[at + Stream.tileFirst]!;
      words[ring] = index;
      words[ring + 1] = sequence;
      words[at + Stream.tiles] = 1;
      words[at + Stream.front] = Front.runs;
    } else {
      words[at + Stream.aside] = index + 1;
      words[at + Stream.asideSequence] = sequence;
      this.#work.setBeside(state.rank, p, true);
    }
    this.#reports.record(state, p, sim.now, EventKind.TaskStarted, index, sequence);
    const task = decoder.decode(index);
    bank.arrivals.arrive(task.expert, task.block, task.col);
    const cost = this.#cost;
    cost.price(state, index, task, bank.arrivals);
    reals[p * streamReals + (wide ? StreamReal.tileTailNs : StreamReal.asideTailNs)] = cost.fixedNs;
    if (wide) words[at + Stream.tileParts] = 1;
    const served = wide ? this.#tileServed : this.#asideServed;
    if (cost.streamBytes === 0) sim.at(sim.now, served, state.rank, p);
    else this.#network.combine(state.gpu, wide, cost.streamBytes, served, state.rank, p);
  }

  #onTileServed({ state, streams }: Bank, p: number): void {
    const left = streams.words[p * streamStride + Stream.tileParts]! - 1;
    streams.words[p * streamStride + Stream.tileParts] = left;
    if (left > 0) return;
    const tail = streams.reals[p * streamReals + StreamReal.tileTailNs]!;
    const { sim } = this.#world;
    sim.at(sim.now + tail, this.#tileComputed, state.rank, p);
  }

  #onTileComputed(bank: Bank, p: number): void {
    const { state } = bank;
    const { decoder, scenario, ranks } = this.#world;
    const index = this.#frontOf(bank, p);
    const task = decoder.decode(index);
    if (task.op === Op.Gemm1) {
      const to = ranks[task.peer]!.gpu;
      if (scenario.world.transport === 'direct' && state.gpu !== to) {
        const bytes = this.#reports.tileBytes(state);
        this.#network.copy(state.gpu, to, bytes, this.#delivered, state.rank, p);
        return;
      }
      this.#reports.gemm1Done(state, p, index);
    } else if (task.op === Op.Gemm0) {
      this.#reports.gemm0Done(state, p, index);
    } else {
      this.#reports.done(state, p, index, 0);
    }
    this.#tileFinished(bank, p);
  }

  /** A tile of another GPU's rank is stored there. */
  #onStored(bank: Bank, p: number): void {
    const index = this.#frontOf(bank, p);
    this.#world.decoder.decode(index);
    this.#reports.gemm1Done(bank.state, p, index);
    this.#tileFinished(bank, p);
  }

  /** First task of the stream of tiles. */
  #frontOf({ streams: { words } }: Bank, p: number): number {
    const at = p * streamStride;
    return words[at + Stream.tileRing + 2 * words[at + Stream.tileFirst]!]!;
  }

  #tileFinished(bank: Bank, p: number): void {
    const { words, reals } = bank.streams;
    const at = p * streamStride;
    const first = words[at + Stream.tileFirst]!;
    words[at + Stream.tileFirst] = (first + 1) % tileSlots;
    words[at + Stream.tiles]!--;
    words[at + Stream.front] = Front.waits;
    reals[p * streamReals + StreamReal.freeAt] = this.#world.sim.now;
    this.#afterTask(bank, p, words[at + Stream.tileRing + 2 * first + 1]!);
  }

  #onAsideServed({ state, streams }: Bank, p: number): void {
    const { sim } = this.#world;
    const tail = streams.reals[p * streamReals + StreamReal.asideTailNs]!;
    sim.at(sim.now + tail, this.#asideDone, state.rank, p);
  }

  #onAsideDone(bank: Bank, p: number): void {
    const { state, streams } = bank;
    const at = p * streamStride;
    const index = streams.words[at + Stream.aside]! - 1;
    if (index < 0) fail(this.#world, state, `processor ${p} ends a COMBINE that it does not run`);
    this.#reports.done(state, p, index, 0);
    streams.words[at + Stream.aside] = 0;
    this.#work.setBeside(state.rank, p, false);
    this.#afterTask(bank, p, streams.words[at + Stream.asideSequence]!);
  }

  #afterTask(bank: Bank, p: number, sequence: number): void {
    if (!this.#world.eager) this.#reports.status(bank.state, p, sequence);
    this.#turn(bank, p);
  }
}
