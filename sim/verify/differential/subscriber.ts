/** A mirrored subscriber. Follows protocol/subscriber.h. */
import { combineFlag, dispatchFlag, dispatchFlags } from '../../moe/heap.ts';
import { epochState, Freshness, freshness, queueTag, type Signal } from '../../moe/packet.ts';
import { entryRowBlocks } from '../../moe/queue-entries.ts';
import { ceilDiv, cellRowBlocks, gemm0Cols, gemm1Cols, rowBlocks } from '../../moe/shape.ts';
import { gemm0Task, gemm0Tasks, gemm1Tasks } from '../../moe/task.ts';
import { dispatchChunkFlags } from '../../moe/watch-chunks.ts';
import { type Actor, keptRows, lanes, loadSignal, myWords, publish } from './actor.ts';
import type { Life } from './machine.ts';
import { Order, Scope } from './memory.ts';
import { subscriberRing } from './words.ts';

/** Chunks whose flags are read together. */
const pollChunks = 4;

interface Chunk {
  readonly combine: boolean;
  readonly first: number;
  /** Lanes whose flag is awaited. */
  readonly pending: Set<number>;
}

interface Entry {
  readonly first: number;
  count: number;
}

/** Chunk c of region r goes to subscriber (r + c) mod subscribers. */
function chunksOf(
  a: Actor,
  combine: boolean,
  region: number,
  first: number,
  flags: number,
  each: number,
): Chunk[] {
  const chunks: Chunk[] = [];
  for (let c = 0; c < ceilDiv(flags, each); c++) {
    if ((region + c) % a.spec.subscribers !== a.index) continue;
    const pending = new Set<number>();
    for (let l = 0; l < Math.min(each, flags - c * each); l++) pending.add(l);
    chunks.push({ combine, first: first + c * each, pending });
  }
  return chunks;
}

function watchList(a: Actor, epoch: number): Chunk[] {
  const s = a.shape;
  const local = a.words.placement.localExperts(a.rank);
  const list: Chunk[] = [];
  const each = dispatchChunkFlags(s.ranks, local, a.spec.subscribers);
  for (let source = 0; source < s.ranks; source++) {
    list.push(...chunksOf(a, false, source, dispatchFlag(s, source, 0), local, each));
  }
  for (let expert = 0; expert < s.experts; expert++) {
    const flags = rowBlocks(s, keptRows(a, epoch, a.rank, expert)) * gemm1Cols(s);
    list.push(...chunksOf(a, true, expert, combineFlag(s, expert, 0, 0), flags, lanes));
  }
  return list;
}

function isFresh(signal: Signal, combine: boolean, epoch: number): boolean {
  if (signal.state === 0) return false;
  return combine || freshness(signal.state, epoch) !== Freshness.Stale;
}

function* takeDispatch(
  a: Actor,
  epoch: number,
  flag: number,
  signal: Signal,
): Generator<void, Entry[], void> {
  const s = a.shape;
  const words = myWords(a);
  const source = Math.floor(flag / s.slots);
  const current = freshness(signal.state, epoch) === Freshness.Current;
  const bit = 2 ** (source % 32);
  yield;
  const before = a.machine.fetchOr(a.fiber, words.corrected + Math.floor(source / 32), bit);
  if (Math.floor(before / bit) % 2 === 0) {
    const perBlock = gemm0Cols(s) + gemm1Cols(s);
    const full = a.words.placement.localExperts(a.rank) * cellRowBlocks(s) * perBlock;
    const surplus = full - (current ? signal.rowTiles : 0) * perBlock;
    yield;
    a.machine.add(a.fiber, words.bound, -surplus, Order.Relaxed, Scope.Block);
  }
  const blocks = current ? rowBlocks(s, signal.rows) : 0;
  const each = entryRowBlocks(gemm0Cols(s));
  return Array.from({ length: ceilDiv(blocks, each) }, (_, i) => ({
    first: gemm0Task(s, flag % s.slots, source, i * each, 0),
    count: Math.min(each, blocks - i * each) * gemm0Cols(s),
  }));
}

function* takeCombine(
  a: Actor,
  epoch: number,
  flag: number,
  signal: Signal,
): Generator<void, Entry, void> {
  const s = a.shape;
  if (signal.state !== epochState(epoch)) throw new Error(`flag ${flag} of a foreign epoch`);
  yield;
  a.machine.store(a.fiber, myWords(a).flags + flag, 0, 0, Order.Relaxed, Scope.System);
  return { first: gemm0Tasks(s) + gemm1Tasks(s) + flag - dispatchFlags(s), count: 1 };
}

/** Takes in a chunk's fresh signals; COMBINE tasks of neighbouring lanes become one entry. */
function* takeChunk(
  a: Actor,
  epoch: number,
  chunk: Chunk,
  fresh: ReadonlyMap<number, Signal>,
): Life {
  const entries: Entry[] = [];
  let run: { lane: number; entry: Entry } | null = null;
  for (const [lane, signal] of fresh) {
    if (!chunk.combine) {
      entries.push(...(yield* takeDispatch(a, epoch, chunk.first + lane, signal)));
      continue;
    }
    const entry = yield* takeCombine(a, epoch, chunk.first + lane, signal);
    if (run !== null && run.lane === lane - 1) {
      run.entry.count++;
      run.lane = lane;
    } else {
      entries.push(entry);
      run = { lane, entry };
    }
  }
  const ring = myWords(a).rings[a.index] ?? 0;
  for (const { first, count } of entries) {
    const ticket = a.state.tickets[a.index] ?? 0;
    a.state.tickets[a.index] = ticket + 1;
    const entry = { tag: queueTag(ticket), first, count };
    yield* publish(a, ring, subscriberRing(a.shape), ticket, entry, Scope.Block);
  }
  for (const lane of fresh.keys()) chunk.pending.delete(lane);
}

function* pollOnce(a: Actor, epoch: number, chunks: readonly Chunk[]): Life {
  const found: Map<number, Signal>[] = [];
  let any = false;
  for (const chunk of chunks) {
    const fresh = new Map<number, Signal>();
    for (const lane of [...chunk.pending].toSorted((x, y) => x - y)) {
      const signal = yield* loadSignal(a, chunk.first + lane);
      if (isFresh(signal, chunk.combine, epoch)) fresh.set(lane, signal);
    }
    any ||= fresh.size > 0;
    found.push(fresh);
  }
  if (!any) return;
  a.machine.memory.acquireFence(a.fiber, Scope.System);
  for (const [j, chunk] of chunks.entries()) {
    const fresh = found[j];
    if (fresh !== undefined && fresh.size > 0) yield* takeChunk(a, epoch, chunk, fresh);
  }
}

/** One launch of subscriber `a.index`. */
export function* subscriberLaunch(a: Actor, epoch: number): Life {
  const words = myWords(a);
  yield* a.machine.spin(a.fiber, function* () {
    yield;
    a.machine.load(a.fiber, words.osReady, Order.Acquire, Scope.Block);
    return a.machine.memory.lo === epoch + 1;
  });
  const list = watchList(a, epoch);
  yield* a.machine.spin(a.fiber, function* () {
    for (let c = 0; c < list.length; c += pollChunks) {
      yield* pollOnce(a, epoch, list.slice(c, c + pollChunks));
    }
    yield;
    a.machine.load(a.fiber, words.interrupted, Order.Acquire, Scope.Block);
    return a.machine.memory.lo !== 0;
  });
}
