import { Op } from '../moe/generated/layout.ts';
import { EventKind } from '../trace/generated/events.ts';
import { CombineArrivals } from './combine-arrivals.ts';
import type { Network } from './network.ts';
import type { ProcessorBlocks } from './processor-blocks.ts';
import { ProcessorReports } from './processor-reports.ts';
import { Word, wordStride } from './processor-words.ts';
import type { RankState } from './rank.ts';
import type { Scheduler } from './scheduler.ts';
import {
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
 * after the other, and COMBINE tasks on helper warps. A tile that finds another running stays in the mailbox until its
 * first product; a COMBINE leaves the mailbox at once and waits, one of a few, for whoever is free first: the helpers, or
 * the whole processor (wide) when it has no tile.
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
    this.#work = new TileWork(sim, sizes, this.#tileServed);
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

  /** Looks at the mailbox and at the COMBINE tasks that wait: whatever has become possible begins. */
  #turn(bank: Bank, p: number): void {
    const { words } = bank.streams;
    const at = p * streamStride;
    if (words[at + Stream.open] === 0) return;
    this.#readMailbox(bank, p);
    while (words[at + Stream.waiting]! > 0) {
      if (words[at + Stream.aside] === 0) this.#startCombine(bank, p, false);
      else if (words[at + Stream.tile] === 0) this.#startCombine(bank, p, true);
      else return;
    }
  }

  #readMailbox(bank: Bank, p: number): void {
    const { state, streams } = bank;
    const { words } = streams;
    const at = p * streamStride;
    const mailbox = state.processors.words;
    if (mailbox[p * wordStride + Word.rung] === 0) return;
    if (mailbox[p * wordStride + Word.bellExit] === 1) {
      const busy =
        words[at + Stream.tile]! + words[at + Stream.aside]! + words[at + Stream.waiting]!;
      if (busy === 0) this.#exit(bank, p);
      return;
    }
    const task = mailbox[p * wordStride + Word.bellTask]!;
    if (this.#world.decoder.operation(task) === Op.Combine) {
      if (words[at + Stream.waiting]! < this.#waiting) this.#takeCombine(bank, p, task);
    } else if (words[at + Stream.tile] === 0) {
      words[at + Stream.tile] = task + 1;
      const { sim, machine } = this.#world;
      const rung = streams.reals[p * streamReals + StreamReal.rungAt]! + machine.taskDecodeNs;
      const free = streams.reals[p * streamReals + StreamReal.freeAt]! + this.#handOverNs;
      sim.at(Math.max(sim.now, rung, free), this.#beginTile, state.rank, p);
    }
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

  /** The first product of the tile that lies in the mailbox. */
  #onBeginTile(bank: Bank, p: number): void {
    const { state, streams } = bank;
    const { sim, decoder, machine } = this.#world;
    const at = p * streamStride;
    const index = streams.words[at + Stream.tile]! - 1;
    const sequence = this.#consume(bank, p, index);
    streams.words[at + Stream.tileSequence] = sequence;
    this.#reports.record(state, p, sim.now, EventKind.TaskStarted, index, sequence);
    const cost = this.#cost;
    cost.price(state, index, decoder.decode(index), bank.arrivals);
    streams.reals[p * streamReals + StreamReal.tileTailNs] = cost.fixedNs;
    streams.words[at + Stream.tileParts] = cost.streamBytes > 0 ? 2 : 1;
    this.#work.start(state.rank, p, cost.work / machine.blockShare);
    if (cost.streamBytes > 0) {
      this.#network.stream(state.gpu, cost.streamBytes, this.#tileServed, state.rank, p);
    }
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
    words[at + (wide ? Stream.tile : Stream.aside)] = index + 1;
    words[at + (wide ? Stream.tileSequence : Stream.asideSequence)] = sequence;
    if (!wide) this.#work.setBeside(state.rank, p, true);
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
    const index = bank.streams.words[p * streamStride + Stream.tile]! - 1;
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
    const index = bank.streams.words[p * streamStride + Stream.tile]! - 1;
    this.#world.decoder.decode(index);
    this.#reports.gemm1Done(bank.state, p, index);
    this.#tileFinished(bank, p);
  }

  #tileFinished(bank: Bank, p: number): void {
    const { streams } = bank;
    const at = p * streamStride;
    streams.words[at + Stream.tile] = 0;
    streams.reals[p * streamReals + StreamReal.freeAt] = this.#world.sim.now;
    this.#afterTask(bank, p, streams.words[at + Stream.tileSequence]!);
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
