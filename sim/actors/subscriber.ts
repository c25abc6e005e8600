import { dispatchFlags } from '../moe/heap.ts';
import { epochState, Freshness, freshness } from '../moe/packet.ts';
import { entryRowBlocks } from '../moe/queue-entries.ts';
import { cellRowBlocks, gemm0Cols, gemm1Cols, rowBlocks, rowSpan } from '../moe/shape.ts';
import { combineTask, gemm0Task } from '../moe/task.ts';
import { EventKind, readyCountBits, signalRowBits } from '../trace/generated/events.ts';
import { correctBound } from './bound.ts';
import { PollCursor } from './poll-cursor.ts';
import type { RankState } from './rank.ts';
import type { Scheduler } from './scheduler.ts';
import { groupChunks, WatchList, type WatchShare } from './watch-list.ts';
import { fail, subscriberActor, type World } from './world.ts';

/** Tickets are recorded modulo this. */
const ticketRange = 1 << (32 - readyCountBits);

/** One subscriber warp. */
interface Subscriber {
  readonly state: RankState;
  readonly index: number;
  /** What it polls; undefined while it does not. */
  share: WatchShare | undefined;
  /** Where it is in its share. */
  cursor: PollCursor | undefined;
  /** When the scheduler interrupted it; Infinity before. */
  interrupted: number;
  /** The one wake-up that counts: its time, and the group whose poll finds something, or the exit. */
  wakeAt: number;
  wakeFor: number;
}

/** `wakeFor` of the check that finds the interrupt. */
const exitCheck = -1;

/**
 * The subscriber warps of every rank. A warp polls its chunks of 32 flags in turn, four at a time, skips those with
 * nothing left to await, and looks for the interrupt once a sweep. Polls that find nothing are not simulated: the time of the poll that
 * will find an arrived flag follows from the position of the warp and the chunks that are live before it.
 */
export class Subscribers {
  readonly #world: World;
  readonly #scheduler: Scheduler;
  readonly #warps: readonly (readonly Subscriber[])[];
  /** Watch list of each rank's launch; undefined until it is built. */
  readonly #lists: (WatchList | undefined)[];
  readonly #wake: number;
  /** Entries found in the group being read, and how many of them when the current chunk began. */
  #ofChunk = 0;
  /** Row blocks of a cell that share an entry. */
  readonly #entryRowBlocks: number;
  readonly #entries: { readonly first: number; count: number; readonly visible: number }[] = [];

  constructor(world: World, scheduler: Scheduler) {
    this.#world = world;
    this.#scheduler = scheduler;
    this.#warps = world.ranks.map((state) =>
      Array.from({ length: world.subscribers }, (_, index) => idleSubscriber(state, index)),
    );
    this.#lists = world.ranks.map(() => undefined);
    this.#wake = world.sim.handle((rank, s) => this.#onWake(this.#warps[rank]![s]!));
    this.#entryRowBlocks = entryRowBlocks(gemm0Cols(world.shape));
    world.handlers.interruptSubscribers = world.sim.handle((rank) => this.#interrupt(rank));
  }

  /** Builds the watch list of this launch and starts polling now. */
  start(rank: number): void {
    const { shape, sim, subscribers, machine } = this.#world;
    const state = this.#world.ranks[rank]!;
    const list = new WatchList(shape, state, subscribers);
    this.#lists[rank] = list;
    for (let chunk = 0; chunk < list.size; chunk++) this.#findArrived(state, list, chunk);
    for (const warp of this.#warps[rank]!) {
      warp.share = list.shares[warp.index]!;
      const { flagPollNs, interruptPollNs } = machine;
      warp.cursor = new PollCursor(warp.share.live, sim.now, flagPollNs, interruptPollNs);
      warp.wakeAt = Number.POSITIVE_INFINITY;
      this.#armNext(warp);
    }
  }

  /** Forgets the last launch's watch list: flags that arrive from now on are for the next one. */
  beginLaunch(rank: number): void {
    this.#lists[rank] = undefined;
  }

  /** True while the word on dispatch flag `flag` waits to be read by this launch of `rank`. */
  awaits(rank: number, flag: number): boolean {
    const list = this.#lists[rank];
    return list === undefined || list.awaits(list.chunkOf(flag), flag);
  }

  /** A word lies on `flag` from now on; it may be a no-op that is late by a launch. */
  noteFlag(rank: number, flag: number): void {
    const list = this.#lists[rank];
    // Before the list is built nobody polls; start() looks at every flag.
    if (list === undefined) return;
    const chunk = list.chunkOf(flag);
    if (!list.awaits(chunk, flag)) return;
    const { flagState, epoch } = this.#world.ranks[rank]!;
    if (freshness(flagState[flag]!, epoch) === Freshness.Stale) return;
    list.arrive(chunk, flag);
    const warp = this.#warps[rank]![list.ownerOf(chunk)]!;
    if (warp.share === undefined) return;
    const group = list.groupOf(chunk);
    this.#arm(warp, warp.cursor!.pollSees(group, this.#world.sim.now), group);
  }

  /** Finds the words that came before the list was built: of peers that dispatched early, and even their results. */
  #findArrived(state: RankState, list: WatchList, chunk: number): void {
    const first = list.firstOf(chunk);
    for (let rest = list.pendingOf(chunk); rest !== 0; rest &= rest - 1) {
      const flag = first + 31 - Math.clz32(rest & -rest);
      const word = state.flagState[flag]!;
      if (word === 0 || freshness(word, state.epoch) === Freshness.Stale) continue;
      list.arrive(chunk, flag);
    }
  }

  #arm(warp: Subscriber, at: number, group: number): void {
    if (at >= warp.wakeAt) return;
    warp.wakeAt = at;
    warp.wakeFor = group;
    this.#world.sim.at(at, this.#wake, warp.state.rank, warp.index);
  }

  /** Wakes for the next group in polling order with a flag that has arrived, or for the interrupt. */
  #armNext(warp: Subscriber): void {
    const cursor = warp.cursor!;
    const group = cursor.nextOf(warp.share!.arrived);
    if (group >= 0) this.#arm(warp, cursor.pollSees(group, cursor.since), group);
    if (warp.interrupted < Number.POSITIVE_INFINITY) {
      this.#arm(warp, cursor.checkSees(warp.interrupted), exitCheck);
    }
  }

  #interrupt(rank: number): void {
    for (const warp of this.#warps[rank]!) {
      warp.interrupted = this.#world.sim.now;
      // A launch may end before its subscribers have built their lists: then start() finds the interrupt. A group that has
      // arrived has its wake already: only what arrived before the cursor last moved could be armed again.
      if (warp.share === undefined) continue;
      this.#arm(warp, warp.cursor!.checkSees(warp.interrupted), exitCheck);
    }
  }

  #onWake(warp: Subscriber): void {
    const { sim, machine } = this.#world;
    if (sim.now !== warp.wakeAt) return;
    warp.wakeAt = Number.POSITIVE_INFINITY;
    if (warp.wakeFor === exitCheck) {
      this.#exit(warp);
      return;
    }
    const group = warp.wakeFor;
    const finds = this.#readGroup(warp, group);
    warp.cursor!.moveTo(group + 1, sim.now + finds * machine.flagFindNs);
    this.#armNext(warp);
  }

  /** Takes in every fresh flag of a group, then publishes what they make ready. Returns the chunks with a find. */
  #readGroup(warp: Subscriber, group: number): number {
    const { sim, machine, shape } = this.#world;
    const list = this.#lists[warp.state.rank]!;
    const begin = warp.share!.begin + group * groupChunks;
    const entries = this.#entries;
    entries.length = 0;
    let finds = 0;
    for (let chunk = begin; chunk < begin + groupChunks; chunk++) {
      if (list.arrivedOf(chunk) === 0) continue;
      finds++;
      const visible = sim.now + finds * machine.flagFindNs;
      const first = list.firstOf(chunk);
      const dispatch = first < dispatchFlags(shape);
      this.#ofChunk = entries.length;
      for (let rest = list.settle(chunk); rest !== 0; rest &= rest - 1) {
        const flag = first + 31 - Math.clz32(rest & -rest);
        if (dispatch) this.#readDispatchFlag(warp, flag, visible);
        else this.#readCombineFlag(warp, flag, visible);
      }
    }
    if (finds === 0) fail(this.#world, warp.state, `subscriber ${warp.index} woke for nothing`);
    for (const { first, count, visible } of entries) this.#publish(warp, first, count, visible);
    if (entries.length > 0) this.#scheduler.noteEntry(warp.state.rank, warp.index);
    return finds;
  }

  #readDispatchFlag(warp: Subscriber, flag: number, visible: number): void {
    const { state } = warp;
    const { shape } = this.#world;
    const word = state.flagState[flag]!;
    const fresh = freshness(word, state.epoch);
    if (fresh === Freshness.Stale) fail(this.#world, state, `stale word on dispatch flag ${flag}`);
    const current = fresh === Freshness.Current;
    const source = Math.floor(flag / shape.slots);
    // A peer that is ahead has finished this launch, so its flag was a no-op in it.
    const rows = current ? state.flagRows[flag]! : 0;
    const tiles = current ? state.flagTiles[flag]! : 0;
    const { now } = this.#world.sim;
    this.#record(warp, now, EventKind.SignalObserved, source, flag, signalArg(rows, word));
    if (correctBound(this.#world, state, source, tiles)) {
      this.#record(warp, now, EventKind.Surplus, source, tiles, state.bound);
      this.#scheduler.noteBound(state.rank);
    }
    const slot = flag - source * shape.slots;
    const blocks = rowBlocks(shape, rows);
    for (let block = 0; block < blocks; block += this.#entryRowBlocks) {
      const first = gemm0Task(shape, slot, source, block, 0);
      const count = Math.min(this.#entryRowBlocks, blocks - block) * gemm0Cols(shape);
      this.#entries.push({ first, count, visible });
    }
  }

  #readCombineFlag(warp: Subscriber, flag: number, visible: number): void {
    const { state } = warp;
    const { shape, placement } = this.#world;
    const word = state.flagState[flag]!;
    if (word !== epochState(state.epoch)) {
      fail(this.#world, state, `combine flag ${flag} of another launch: state ${word}`);
    }
    const cols = gemm1Cols(shape);
    const blocks = cellRowBlocks(shape);
    const tile = flag - dispatchFlags(shape);
    const rowBlock = Math.floor(tile / cols);
    const expert = Math.floor(rowBlock / blocks);
    const block = rowBlock - expert * blocks;
    const task = combineTask(shape, expert, block, tile - rowBlock * cols);
    const rows = rowSpan(shape, state.ownRows[expert]!, block).count;
    const source = placement.home(expert).rank;
    const { now } = this.#world.sim;
    this.#record(warp, now, EventKind.SignalObserved, source, flag, signalArg(rows, word));
    state.flagState[flag] = 0;
    // Neighbouring flags of a chunk that are fresh together are consecutive tasks: one entry.
    const last = this.#entries.at(-1);
    const joins = this.#entries.length > this.#ofChunk && last!.first + last!.count === task;
    if (joins) last!.count++;
    else this.#entries.push({ first: task, count: 1, visible });
  }

  #publish(warp: Subscriber, first: number, count: number, visible: number): void {
    const { state, index } = warp;
    const queue = state.queues[index]!;
    const ticket = queue.nextTicket % ticketRange;
    const packed = (count | (ticket << readyCountBits)) >>> 0;
    this.#record(warp, visible, EventKind.TasksReady, index, first, packed);
    queue.publish(first, count, visible);
  }

  #exit(warp: Subscriber): void {
    const { sim, handlers } = this.#world;
    warp.share = undefined;
    warp.cursor = undefined;
    warp.interrupted = Number.POSITIVE_INFINITY;
    this.#record(warp, sim.now, EventKind.Exit, 0, 0, 0);
    sim.at(sim.now, handlers.exited, warp.state.rank, 0);
  }

  #record(
    warp: Subscriber,
    time: number,
    kind: (typeof EventKind)[keyof typeof EventKind],
    aux: number,
    a: number,
    b: number,
  ): void {
    const { state } = warp;
    const actor = subscriberActor(this.#world, warp.index);
    this.#world.sink.add(time, state.epoch, state.rank, actor, kind, aux, a, b);
  }
}

function idleSubscriber(state: RankState, index: number): Subscriber {
  return {
    state,
    index,
    share: undefined,
    cursor: undefined,
    interrupted: Number.POSITIVE_INFINITY,
    wakeAt: Number.POSITIVE_INFINITY,
    wakeFor: exitCheck,
  };
}

/** Rows and epoch state in one field of a signal event. */
export function signalArg(rows: number, state: number): number {
  return (rows | (state << signalRowBits)) >>> 0;
}
