import { ShareBank } from '../engine/share-bank.ts';
import { storeNs } from '../machine/cost-model.ts';
import { Op } from '../moe/generated/layout.ts';
import { EventKind } from '../trace/generated/events.ts';
import { CombineArrivals } from './combine-arrivals.ts';
import type { Network } from './network.ts';
import type { ProcessorBlocks } from './processor-blocks.ts';
import { ProcessorReports } from './processor-reports.ts';
import { Real, realStride, Word, wordStride } from './processor-words.ts';
import type { RankState } from './rank.ts';
import type { Scheduler } from './scheduler.ts';
import { TaskCost } from './task-cost.ts';
import type { TaskNoise } from './task-noise.ts';
import type { World } from './world.ts';

/** The processors of one rank. */
interface Bank {
  readonly state: RankState;
  readonly arrivals: CombineArrivals;
  readonly words: Int32Array;
  readonly reals: Float64Array;
}

/**
 * The processor blocks of every rank, one task after the other: wait for the doorbell, execute, report. A GEMM tile takes a
 * share of its SM and, for weights nobody has read yet, of the GPU's memory; it ends when both are served, plus its fixed part.
 */
export class Processors implements ProcessorBlocks {
  readonly #world: World;
  readonly #reports: ProcessorReports;
  readonly #network: Network;
  readonly #cost: TaskCost;
  readonly #banks: readonly Bank[];
  /** The SMs when blocks share them; undefined when every block has its own. */
  readonly #sms: ShareBank | undefined;
  readonly #served: number;
  readonly #computed: number;
  readonly #delivered: number;
  readonly #signalTile: number;

  constructor(world: World, scheduler: Scheduler, network: Network, noise: TaskNoise) {
    this.#world = world;
    this.#network = network;
    this.#cost = new TaskCost(world, noise);
    this.#reports = new ProcessorReports(world, scheduler, network, this.#cost);
    const { sim } = world;
    this.#served = sim.handle((rank, p) => this.#onServed(this.#banks[rank]!, p));
    this.#sms = smsOf(world, this.#served);
    this.#banks = world.ranks.map((state) => ({
      state,
      arrivals: new CombineArrivals(world, state),
      words: state.processors.words,
      reals: state.processors.reals,
    }));
    world.handlers.doorbell = sim.handle((rank, count) =>
      this.#onDoorbells(this.#banks[rank]!, count),
    );
    this.#computed = sim.handle((rank, p) => this.#onComputed(this.#banks[rank]!, p));
    this.#delivered = sim.handle((rank, p) => {
      sim.at(sim.now + world.machine.fenceNs, this.#signalTile, rank, p);
    });
    this.#signalTile = sim.handle((rank, p) => {
      const bank = this.#banks[rank]!;
      const index = bank.words[p * wordStride + Word.task]!;
      world.decoder.decode(index);
      this.#reports.gemm1Done(bank.state, p, index);
      this.#turnToMailbox(bank, p);
    });
  }

  /** All processors of `rank` turn to the gate and the dispatch of a new launch. */
  beginLaunch(rank: number): void {
    const bank = this.#banks[rank]!;
    for (let at = Word.busy; at < bank.words.length; at += wordStride) bank.words[at] = 1;
    bank.arrivals.begin();
    this.#cost.beginLaunch(rank);
  }

  /** The launch of `rank` is over: nothing may be left open. */
  endLaunch(rank: number): void {
    this.#banks[rank]!.arrivals.assertComplete();
  }

  /** A processor has dispatched its share and turns to its mailbox; a lazy one frees it only now. */
  openMailbox(rank: number, processor: number): void {
    this.#turnToMailbox(this.#banks[rank]!, processor);
  }

  /** A processor has nothing to do: a lazy one reports now, and a doorbell that waits is taken. */
  #turnToMailbox(bank: Bank, p: number): void {
    const { state, words } = bank;
    const at = p * wordStride;
    words[at + Word.busy] = 0;
    if (!this.#world.eager) this.#reports.status(state, p, words[at + Word.sequence]!);
    if (words[at + Word.rung] === 1) this.#take(bank, p);
  }

  #onDoorbells(bank: Bank, count: number): void {
    const { words } = bank;
    const { ringing } = bank.state;
    for (let n = 0; n < count; n++) {
      const p = ringing.shift();
      words[p * wordStride + Word.rung] = 1;
      if (words[p * wordStride + Word.busy] === 0) this.#take(bank, p);
    }
  }

  /** Reads the doorbell: an exit, or a task to start. */
  #take(bank: Bank, p: number): void {
    const { state, words } = bank;
    const at = p * wordStride;
    const sequence = words[at + Word.bellSequence]!;
    const task = words[at + Word.bellTask]!;
    words[at + Word.bellTaken] = 1;
    words[at + Word.rung] = 0;
    words[at + Word.sequence] = sequence;
    const { sim, eager, handlers, machine } = this.#world;
    if (words[at + Word.bellExit] === 1) {
      this.#reports.record(state, p, sim.now, EventKind.Exit, 0, sequence);
      if (eager) this.#reports.status(state, p, sequence);
      sim.at(sim.now, handlers.exited, state.rank, 0);
      return;
    }
    this.#reports.record(state, p, sim.now, EventKind.TaskConsumed, task, sequence);
    if (eager) this.#reports.status(state, p, sequence);
    const begin = sim.now + machine.taskDecodeNs;
    this.#reports.record(state, p, begin, EventKind.TaskStarted, task, sequence);
    words[at + Word.busy] = 1;
    words[at + Word.task] = task;
    this.#start(bank, p, task);
  }

  #start(bank: Bank, p: number, index: number): void {
    const { sim, decoder, machine, scenario, ranks } = this.#world;
    const { state } = bank;
    const cost = this.#cost;
    const task = decoder.decode(index);
    if (task.op === Op.Combine) bank.arrivals.arrive(task.expert, task.block, task.col);
    cost.price(state, index, task, bank.arrivals);
    let tail = machine.taskDecodeNs + cost.fixedNs;
    if (task.op === Op.Gemm0) tail += machine.atomicNs;
    if (task.op === Op.Gemm1) {
      // Put transport stores the tile into the outgoing stage, direct transport into the peer's memory.
      const staged = scenario.world.transport === 'put';
      const local = state.gpu === ranks[task.peer]!.gpu;
      if (staged || local) tail += storeNs(machine, cost.outputBytes) + machine.fenceNs;
    }
    const shared = this.#sms !== undefined && cost.work > 0;
    const aloneNs = shared ? 0 : Math.ceil(cost.work / machine.blockShare);
    if (!shared && cost.streamBytes === 0) {
      sim.at(sim.now + aloneNs + tail, this.#computed, state.rank, p);
      return;
    }
    bank.reals[p * realStride + Real.tailNs] = tail;
    bank.words[p * wordStride + Word.parts] = cost.streamBytes > 0 ? 2 : 1;
    if (shared) this.#sms.start(state.rank, p, cost.work);
    else sim.at(sim.now + aloneNs, this.#served, state.rank, p);
    if (cost.streamBytes > 0) {
      this.#network.stream(state.gpu, cost.streamBytes, this.#served, state.rank, p);
    }
  }

  #onServed(bank: Bank, p: number): void {
    const left = bank.words[p * wordStride + Word.parts]! - 1;
    bank.words[p * wordStride + Word.parts] = left;
    if (left > 0) return;
    const { sim } = this.#world;
    const tail = bank.reals[p * realStride + Real.tailNs]!;
    sim.at(sim.now + tail, this.#computed, bank.state.rank, p);
  }

  #onComputed(bank: Bank, p: number): void {
    const { decoder, scenario, ranks } = this.#world;
    const { state } = bank;
    const index = bank.words[p * wordStride + Word.task]!;
    const task = decoder.decode(index);
    if (task.op === Op.Gemm0) {
      this.#reports.gemm0Done(state, p, index);
    } else if (task.op === Op.Combine) {
      this.#reports.done(state, p, index, 0);
    } else if (scenario.world.transport === 'put' || state.gpu === ranks[task.peer]!.gpu) {
      this.#reports.gemm1Done(state, p, index);
    } else {
      const to = ranks[task.peer]!.gpu;
      const bytes = this.#reports.tileBytes(state);
      this.#network.copy(state.gpu, to, bytes, this.#delivered, state.rank, p);
      return;
    }
    this.#turnToMailbox(bank, p);
  }
}

function smsOf(world: World, served: number): ShareBank | undefined {
  const { sim, ranks, processors, blocksPerSm, blocksPerProcessor, machine } = world;
  const units = world.smsPerRank / blocksPerProcessor;
  if (blocksPerSm === 1) return undefined;
  const sizes = { owners: ranks.length, units, flows: processors };
  return new ShareBank(sim, { ...sizes, capacity: 1, cap: machine.blockShare }, served);
}
