import { ShareBank } from '../engine/share-bank.ts';
import { storeNs } from '../machine/cost-model.ts';
import { Op, Round, Stage } from '../moe/generated/layout.ts';
import { cellIndex, combineFlag, dispatchFlag, heapRow } from '../moe/heap.ts';
import { epochState } from '../moe/packet.ts';
import { gemm0Cols, gemm1Cols, rowSpan } from '../moe/shape.ts';
import { gemm1Task, rowBlockIndex } from '../moe/task.ts';
import { EventKind, putRowBits, readyCountBits } from '../trace/generated/events.ts';
import { CombineArrivals } from './combine-arrivals.ts';
import type { Network } from './network.ts';
import { Real, realStride, Word, wordStride } from './processor-words.ts';
import type { RankState } from './rank.ts';
import type { Scheduler } from './scheduler.ts';
import { signalArg } from './subscriber.ts';
import { TaskCost } from './task-cost.ts';
import type { TaskNoise } from './task-noise.ts';
import { fail, processorActor, type World } from './world.ts';

/** Tickets are recorded modulo this. */
const ticketRange = 1 << (32 - readyCountBits);

/** The processors of one rank. */
interface Bank {
  readonly state: RankState;
  readonly arrivals: CombineArrivals;
  readonly words: Int32Array;
  readonly reals: Float64Array;
}

/**
 * The processor blocks of every rank: wait for the doorbell, execute, report. A GEMM tile takes a share of its SM and, for
 * weights nobody has read yet, of the GPU's memory; it ends when both are served, plus its fixed part.
 */
export class Processors {
  readonly #world: World;
  readonly #scheduler: Scheduler;
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
    this.#scheduler = scheduler;
    this.#network = network;
    this.#cost = new TaskCost(world, noise);
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
      world.decoder.decode(bank.words[p * wordStride + Word.task]!);
      this.#deliver(bank, p);
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
    const { words } = bank;
    const at = p * wordStride;
    words[at + Word.busy] = 0;
    if (!this.#world.eager) this.#publishStatus(bank, p, words[at + Word.sequence]!);
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
      this.#record(state, p, sim.now, EventKind.Exit, 0, sequence);
      if (eager) this.#publishStatus(bank, p, sequence);
      sim.at(sim.now, handlers.exited, state.rank, 0);
      return;
    }
    this.#record(state, p, sim.now, EventKind.TaskConsumed, task, sequence);
    if (eager) this.#publishStatus(bank, p, sequence);
    this.#record(state, p, sim.now + machine.taskDecodeNs, EventKind.TaskStarted, task, sequence);
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
    const task = decoder.decode(bank.words[p * wordStride + Word.task]!);
    if (task.op === Op.Gemm0) {
      this.#finishGemm0(bank, p);
    } else if (task.op === Op.Combine) {
      this.#finish(bank, p, 0);
    } else if (scenario.world.transport === 'put' || state.gpu === ranks[task.peer]!.gpu) {
      this.#deliver(bank, p);
    } else {
      const bytes = this.#tileBytesOf(bank);
      const to = ranks[task.peer]!.gpu;
      this.#network.copy(state.gpu, to, bytes, this.#delivered, state.rank, p);
    }
  }

  /** Counts the tile in; the last tile of a row block makes its GEMM1 tasks ready. */
  #finishGemm0(bank: Bank, p: number): void {
    const { shape, decoder, sim, machine } = this.#world;
    const { state } = bank;
    const { expert, peer, block } = decoder;
    const rowBlock = rowBlockIndex(shape, expert, peer, block);
    const before = state.rowBlockArrivals[rowBlock]!;
    const last = before + 1 === gemm0Cols(shape);
    const index = bank.words[p * wordStride + Word.task]!;
    state.rowBlockArrivals[rowBlock] = last ? 0 : before + 1;
    if (last) {
      const queue = state.processorQueue;
      const first = gemm1Task(shape, expert, peer, block, 0);
      const count = gemm1Cols(shape);
      const ticket = state.queues[queue]!.nextTicket % ticketRange;
      this.#record(state, p, sim.now, EventKind.TaskFinished, index, before);
      const packed = (count | (ticket << readyCountBits)) >>> 0;
      this.#record(state, p, sim.now, EventKind.TasksReady, first, packed, queue);
      state.queues[queue]!.publish(first, count, sim.now + machine.queueNs);
      this.#scheduler.noteEntry(state.rank, queue);
      this.#free(bank, p);
      return;
    }
    this.#finish(bank, p, before);
  }

  /** Delivers the decoded GEMM1 tile, whose payload is stored: its put record, its signal. It is finished. */
  #deliver(bank: Bank, p: number): void {
    const { shape, decoder, placement, sim, scenario } = this.#world;
    const { state } = bank;
    const { peer, expert, block, col } = decoder;
    const rows = state.flagRows[dispatchFlag(shape, peer, expert)]!;
    const { begin, count } = rowSpan(shape, rows, block);
    const cell = cellIndex(shape, state.rank, Round.Combine, Stage.Incoming, expert);
    const flag = combineFlag(shape, placement.globalExpert(state.rank, expert), block, col);
    const put = (count | ((col + 1) << putRowBits)) >>> 0;
    const { now } = sim;
    this.#record(state, p, now, EventKind.Put, heapRow(shape, cell, begin), put, peer);
    const arg = signalArg(count, epochState(state.epoch));
    this.#record(state, p, now, EventKind.SignalSent, flag, arg, peer);
    if (scenario.world.transport === 'put') {
      this.#network.put(state, peer, this.#cost.tileBytes(count, col), flag, count, 0);
    } else {
      this.#network.signal(now, state, peer, flag, count, 0);
    }
    this.#finish(bank, p, 0);
  }

  #finish(bank: Bank, p: number, before: number): void {
    const { sim } = this.#world;
    const task = bank.words[p * wordStride + Word.task]!;
    this.#record(bank.state, p, sim.now, EventKind.TaskFinished, task, before);
    this.#free(bank, p);
  }

  /** The task is done. */
  #free(bank: Bank, p: number): void {
    bank.state.finished++;
    this.#turnToMailbox(bank, p);
  }

  #publishStatus(bank: Bank, p: number, sequence: number): void {
    const { state, words, reals } = bank;
    if (state.unreadStatus.has(p)) {
      fail(this.#world, state, `processor ${p} freed its mailbox twice: status ${sequence}`);
    }
    const { sim, machine } = this.#world;
    words[p * wordStride + Word.status] = sequence;
    reals[p * realStride + Real.statusVisible] = sim.now + machine.statusNs;
    state.unreadStatus.add(p);
    this.#scheduler.noteStatus(state.rank, p);
  }

  /** Bytes of the decoded GEMM1 tile. */
  #tileBytesOf(bank: Bank): number {
    const { shape, decoder } = this.#world;
    const { peer, expert, block, col } = decoder;
    const rows = bank.state.flagRows[dispatchFlag(shape, peer, expert)]!;
    return this.#cost.tileBytes(rowSpan(shape, rows, block).count, col);
  }

  #record(
    state: RankState,
    p: number,
    time: number,
    kind: (typeof EventKind)[keyof typeof EventKind],
    a: number,
    b: number,
    aux: number = 0,
  ): void {
    const actor = processorActor(p);
    this.#world.sink.add(time, state.epoch, state.rank, actor, kind, aux, a, b);
  }
}

function smsOf(world: World, served: number): ShareBank | undefined {
  const { sim, ranks, processors, blocksPerSm, smsPerRank, machine } = world;
  if (blocksPerSm === 1) return undefined;
  const sizes = { owners: ranks.length, units: smsPerRank, flows: processors };
  return new ShareBank(sim, { ...sizes, capacity: 1, cap: machine.blockShare }, served);
}
