import { Round, Stage } from '../moe/generated/layout.ts';
import { cellIndex, dispatchFlag, heapRow } from '../moe/heap.ts';
import { epochState } from '../moe/packet.ts';
import { EventKind, putRowBits } from '../trace/generated/events.ts';
import { DispatchShares } from './dispatch-shares.ts';
import type { Network } from './network.ts';
import type { ProcessorBlocks } from './processor-blocks.ts';
import type { RankState } from './rank.ts';
import { signalArg } from './subscriber.ts';
import { fail, processorActor, type World } from './world.ts';

/** Bytes of an element: bf16. */
const elementBytes = 2;

/** Lanes of the warp that arrives at the cells: experts it takes at once. */
const lanes = 32;

/** One rank's dispatch of one launch. */
interface RankDispatch {
  readonly state: RankState;
  shares: DispatchShares;
  /** Runs each processor has copied so far, counted from the run it starts with. */
  readonly copied: Int32Array;
}

/**
 * The dispatch of every processor block: copies the kept rows of its tokens into the cells of their experts, then arrives
 * at the cells; whoever completes a cell signals it. Under put transport rows are staged in the rank's own memory and the
 * completing block puts the whole cell.
 */
export class Dispatch {
  readonly #world: World;
  readonly #network: Network;
  readonly #ranks: (RankDispatch | undefined)[];
  readonly #copiedRun: number;
  readonly #putCell: number;
  readonly #done: number;

  constructor(world: World, network: Network, processors: ProcessorBlocks) {
    this.#world = world;
    this.#network = network;
    this.#ranks = world.ranks.map(() => undefined);
    const { sim } = world;
    this.#copiedRun = sim.handle((rank, p) => this.#copyNext(this.#ranks[rank]!, p));
    this.#putCell = sim.handle((rank, expert) => this.#onPutCell(world.ranks[rank]!, expert));
    this.#done = sim.handle((rank, p) => processors.openMailbox(rank, p));
  }

  /** All processors of `rank` start copying now: its rows are numbered. */
  start(rank: number): void {
    const state = this.#world.ranks[rank]!;
    const { processors } = this.#world;
    const shares = new DispatchShares(this.#world, state);
    const dispatch = { state, shares, copied: new Int32Array(processors) };
    this.#ranks[rank] = dispatch;
    for (let p = 0; p < processors; p++) this.#copyNext(dispatch, p);
  }

  /** Copies the next runs of a processor that go to one GPU, or arrives when all are copied. */
  #copyNext(dispatch: RankDispatch, p: number): void {
    const { state, shares } = dispatch;
    const begin = shares.base[p]!;
    const runs = shares.base[p + 1]! - begin;
    const done = dispatch.copied[p]!;
    if (done === runs) {
      this.#arrive(dispatch, p);
      return;
    }
    // Blocks start at different runs, so that not all of them store to the same peer at once.
    const at = (offset: number): number => begin + ((p + offset) % runs);
    const { scenario, shape } = this.#world;
    const gpuOf = (run: number): number =>
      scenario.world.transport === 'put' ? state.gpu : this.#homeGpu(shares.expert[run]!);
    const to = gpuOf(at(done));
    let rows = 0;
    let next = done;
    for (; next < runs && gpuOf(at(next)) === to; next++) rows += shares.count[at(next)]!;
    dispatch.copied[p] = next;
    const bytes = rows * shape.hidden * elementBytes;
    if (to !== state.gpu) {
      this.#network.copy(state.gpu, to, bytes, this.#copiedRun, state.rank, p);
      return;
    }
    // A token's row is read once, whatever the number of its experts, and written for each.
    const moved = bytes + Math.ceil(bytes / shape.topK);
    this.#network.move(state.gpu, moved, this.#copiedRun, state.rank, p);
  }

  #arrive(dispatch: RankDispatch, p: number): void {
    const { state, shares } = dispatch;
    const { sim, machine, shape, processors } = this.#world;
    const actor = processorActor(p);
    let rows = 0;
    for (let run = shares.base[p]!; run < shares.base[p + 1]!; run++) {
      const expert = shares.expert[run]!;
      // All blocks pay for the same lane groups, so that arrivals of one cell happen in the order they are made here.
      const group = (expert >> 5) + 1;
      const time = sim.now + machine.fenceNs + group * machine.atomicNs;
      this.#arriveCell(state, actor, time, expert, shares.first[run]!, shares.count[run]!);
      rows += shares.count[run]!;
    }
    const groups = Math.ceil(shape.experts / lanes);
    const end = sim.now + machine.fenceNs + groups * machine.atomicNs;
    for (let expert = p; expert < shape.experts; expert += processors) {
      if (state.ownRows[expert] === 0) this.#signalCell(state, actor, end, expert);
    }
    this.#world.sink.add(end, state.epoch, state.rank, actor, EventKind.DispatchEnd, 0, rows, 0);
    sim.at(end, this.#done, state.rank, p);
  }

  #arriveCell(
    state: RankState,
    actor: number,
    time: number,
    expert: number,
    first: number,
    count: number,
  ): void {
    const { sink, placement, scenario, sim, shape } = this.#world;
    const home = placement.home(expert).rank;
    const direct = scenario.world.transport === 'direct';
    if (direct) this.#recordPut(state, actor, time, expert, first, count);
    const before = state.cellArrivals[expert]!;
    const total = state.ownRows[expert]!;
    sink.add(time, state.epoch, state.rank, actor, EventKind.CellArrive, home, expert, before);
    if (before + count > total) {
      fail(this.#world, state, `${before + count} rows arrived for expert ${expert} of ${total}`);
    }
    state.cellArrivals[expert] = before + count === total ? 0 : before + count;
    if (before + count < total) return;
    if (direct) {
      this.#signalCell(state, actor, time, expert);
      return;
    }
    const flag = dispatchFlag(shape, state.rank, placement.home(expert).slot);
    this.#recordPut(state, actor, time, expert, 0, total);
    this.#recordSignal(state, actor, time, home, flag, total);
    sim.at(time, this.#putCell, state.rank, expert);
  }

  /** Sends the signal of a cell whose rows lie at their destination, or of an empty one. */
  #signalCell(state: RankState, actor: number, time: number, expert: number): void {
    const { shape, placement } = this.#world;
    const { rank, slot } = placement.home(expert);
    const flag = dispatchFlag(shape, state.rank, slot);
    const rows = state.ownRows[expert]!;
    this.#recordSignal(state, actor, time, rank, flag, rows);
    this.#network.signal(time, state, rank, flag, rows, state.rowTilesTo[rank]!);
  }

  #onPutCell(state: RankState, expert: number): void {
    const { shape, placement } = this.#world;
    const { rank, slot } = placement.home(expert);
    const flag = dispatchFlag(shape, state.rank, slot);
    const rows = state.ownRows[expert]!;
    const bytes = rows * shape.hidden * elementBytes;
    this.#network.put(state, rank, bytes, flag, rows, state.rowTilesTo[rank]!);
  }

  #recordPut(
    state: RankState,
    actor: number,
    time: number,
    expert: number,
    first: number,
    count: number,
  ): void {
    const { shape, placement, sink } = this.#world;
    const { rank, slot } = placement.home(expert);
    const cell = cellIndex(shape, state.rank, Round.Dispatch, Stage.Incoming, slot);
    const row = heapRow(shape, cell, first);
    const packed = (count | (0 << putRowBits)) >>> 0;
    sink.add(time, state.epoch, state.rank, actor, EventKind.Put, rank, row, packed);
  }

  #recordSignal(
    state: RankState,
    actor: number,
    time: number,
    rank: number,
    flag: number,
    rows: number,
  ): void {
    const arg = signalArg(rows, epochState(state.epoch));
    const { sink } = this.#world;
    sink.add(time, state.epoch, state.rank, actor, EventKind.SignalSent, rank, flag, arg);
  }

  #homeGpu(expert: number): number {
    return this.#world.ranks[this.#world.placement.home(expert).rank]!.gpu;
  }
}
