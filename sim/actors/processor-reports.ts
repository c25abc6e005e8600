import { Round, Stage } from '../moe/generated/layout.ts';
import { cellIndex, combineFlag, dispatchFlag, heapRow } from '../moe/heap.ts';
import { epochState } from '../moe/packet.ts';
import { gemm0Cols, gemm1Cols, rowSpan } from '../moe/shape.ts';
import { gemm1Task, rowBlockIndex } from '../moe/task.ts';
import { EventKind, putRowBits, readyCountBits } from '../trace/generated/events.ts';
import type { Network } from './network.ts';
import { Real, realStride, Word, wordStride } from './processor-words.ts';
import type { RankState } from './rank.ts';
import type { Scheduler } from './scheduler.ts';
import { signalArg } from './subscriber.ts';
import type { TaskCost } from './task-cost.ts';
import { fail, processorActor, type World } from './world.ts';

/** Tickets are recorded modulo this. */
const ticketRange = 1 << (32 - readyCountBits);

/**
 * What a processor says to others, and its records: its status word, and at the end of a task what that makes ready or
 * delivers. How a processor runs its tasks is not known here.
 */
export class ProcessorReports {
  readonly #world: World;
  readonly #scheduler: Scheduler;
  readonly #network: Network;
  readonly #cost: TaskCost;

  constructor(world: World, scheduler: Scheduler, network: Network, cost: TaskCost) {
    this.#world = world;
    this.#scheduler = scheduler;
    this.#network = network;
    this.#cost = cost;
  }

  record(
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

  /** The mailbox of the doorbell with this sequence number is free. */
  status(state: RankState, p: number, sequence: number): void {
    if (state.unreadStatus.has(p)) {
      fail(this.#world, state, `processor ${p} freed its mailbox twice: status ${sequence}`);
    }
    const { words, reals } = state.processors;
    const { sim, machine } = this.#world;
    words[p * wordStride + Word.status] = sequence;
    reals[p * realStride + Real.statusVisible] = sim.now + machine.statusNs;
    state.unreadStatus.add(p);
    this.#scheduler.noteStatus(state.rank, p);
  }

  /** The decoded GEMM0 task is done: counts the tile in; the last tile of a row block makes its GEMM1 tasks ready. */
  gemm0Done(state: RankState, p: number, index: number): void {
    const { shape, decoder, sim, machine } = this.#world;
    const { expert, peer, block } = decoder;
    const rowBlock = rowBlockIndex(shape, expert, peer, block);
    const before = state.rowBlockArrivals[rowBlock]!;
    const last = before + 1 === gemm0Cols(shape);
    state.rowBlockArrivals[rowBlock] = last ? 0 : before + 1;
    this.done(state, p, index, before);
    if (!last) return;
    const queue = state.processorQueue;
    const first = gemm1Task(shape, expert, peer, block, 0);
    const count = gemm1Cols(shape);
    const ticket = state.queues[queue]!.nextTicket % ticketRange;
    const packed = (count | (ticket << readyCountBits)) >>> 0;
    this.record(state, p, sim.now, EventKind.TasksReady, first, packed, queue);
    state.queues[queue]!.publish(first, count, sim.now + machine.queueNs);
    this.#scheduler.noteEntry(state.rank, queue);
  }

  /** The decoded GEMM1 task is done, its payload stored: its put record, its signal. */
  gemm1Done(state: RankState, p: number, index: number): void {
    const { shape, decoder, placement, sim, scenario } = this.#world;
    const { peer, expert, block, col } = decoder;
    const rows = state.flagRows[dispatchFlag(shape, peer, expert)]!;
    const { begin, count } = rowSpan(shape, rows, block);
    const cell = cellIndex(shape, state.rank, Round.Combine, Stage.Incoming, expert);
    const flag = combineFlag(shape, placement.globalExpert(state.rank, expert), block, col);
    const put = (count | ((col + 1) << putRowBits)) >>> 0;
    const { now } = sim;
    this.record(state, p, now, EventKind.Put, heapRow(shape, cell, begin), put, peer);
    const arg = signalArg(count, epochState(state.epoch));
    this.record(state, p, now, EventKind.SignalSent, flag, arg, peer);
    if (scenario.world.transport === 'put') {
      this.#network.put(state, peer, this.#cost.tileBytes(count, col), flag, count, 0);
    } else {
      this.#network.signal(now, state, peer, flag, count, 0);
    }
    this.done(state, p, index, 0);
  }

  /** A task is done. `before`: of GEMM0, tiles of its row block that were. */
  done(state: RankState, p: number, index: number, before: number): void {
    this.record(state, p, this.#world.sim.now, EventKind.TaskFinished, index, before);
    state.finished++;
  }

  /** Bytes of the decoded GEMM1 tile. */
  tileBytes(state: RankState): number {
    const { shape, decoder } = this.#world;
    const { peer, expert, block, col } = decoder;
    const rows = state.flagRows[dispatchFlag(shape, peer, expert)]!;
    return this.#cost.tileBytes(rowSpan(shape, rows, block).count, col);
  }
}
