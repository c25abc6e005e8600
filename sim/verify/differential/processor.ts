/** A mirrored processor: dispatch, then tasks from its doorbell. Follows protocol/{send,processor,arrival}.h. */

import { Op, Round, rowStep, Stage } from '../../moe/generated/layout.ts';
import {
  cellIndex,
  combineFlag,
  combineOffset,
  dispatchFlag,
  dispatchOffset,
} from '../../moe/heap.ts';
import { epochState, queueTag } from '../../moe/packet.ts';
import { gemm0Cols, gemm1Cols, rowBlocks, rowSpan, type Shape } from '../../moe/shape.ts';
import { decodeTask, gemm1Task, rowBlockIndex, type Task } from '../../moe/task.ts';
import {
  type Actor,
  arrive,
  arriveFenced,
  barrier,
  keptRows,
  lanes,
  loadDoorbell,
  loadSignal,
  myWords,
  nextSequence,
  publish,
  readPlain,
  sendSignal,
  setBack,
  writePlain,
} from './actor.ts';
import type { Life } from './machine.ts';
import { Order, Scope, stir } from './memory.ts';
import { processorRing } from './words.ts';

interface Source {
  readonly shape: Shape;
  readonly epoch: number;
  readonly source: number;
  readonly expert: number;
  readonly rows: number;
}

const rowValue = (p: Source, row: number): number =>
  stir(stir(stir(p.epoch + 1, p.source), p.expert), row);

function intermediateValue(p: Source, block: number, col: number): number {
  const span = rowSpan(p.shape, p.rows, block);
  let h = 1;
  for (let r = span.begin; r < span.begin + span.count; r++) h = stir(h, rowValue(p, r));
  return stir(h, 0x10000 + col);
}

function tileValue(p: Source, block: number, col: number, row: number): number {
  let h = 0x20000 + col;
  for (let c = 0; c < gemm0Cols(p.shape); c++) h = stir(h, intermediateValue(p, block, c));
  return stir(h, row);
}

function heapWord(a: Actor, owner: number, offset: number): number {
  const at = myWords(a, owner).heap.get(offset / 64);
  if (at === undefined) throw new RangeError(`offset ${offset} of rank ${owner} holds nothing`);
  return at;
}

function rowWord(a: Actor, owner: number, source: number, slot: number, row: number): number {
  const cell = cellIndex(a.shape, source, Round.Dispatch, Stage.Incoming, slot);
  return heapWord(a, owner, dispatchOffset(a.shape, cell, row, 0));
}

function tileWord(
  a: Actor,
  owner: number,
  source: number,
  slot: number,
  row: number,
  col: number,
): number {
  const cell = cellIndex(a.shape, source, Round.Combine, Stage.Incoming, slot);
  return heapWord(a, owner, combineOffset(a.shape, cell, row, col * a.shape.tileCols));
}

function announced(a: Actor, epoch: number, dest: number): number {
  let tiles = 0;
  for (let slot = 0; slot < a.words.placement.localExperts(dest); slot++) {
    const expert = a.words.placement.globalExpert(dest, slot);
    tiles += rowBlocks(a.shape, keptRows(a, epoch, a.rank, expert));
  }
  return tiles;
}

function* signalCell(a: Actor, epoch: number, expert: number): Life {
  const home = a.words.placement.home(expert);
  const rows = keptRows(a, epoch, a.rank, expert);
  const rowTiles = announced(a, epoch, home.rank);
  const flag = dispatchFlag(a.shape, a.rank, home.slot);
  const signal = { state: epochState(epoch), rows, rowTiles };
  // Ordered by the fence of whoever completed the cell; a no-op passes nothing on.
  yield* sendSignal(a, home.rank, flag, signal, epoch, Order.Relaxed);
}

/** This block's rows of a cell: an even share of the rows that the rank keeps. */
function shareOf(a: Actor, epoch: number, expert: number): { begin: number; count: number } {
  const rows = keptRows(a, epoch, a.rank, expert);
  const begin = Math.floor((rows * a.index) / a.spec.processors);
  return { begin, count: Math.floor((rows * (a.index + 1)) / a.spec.processors) - begin };
}

/** Experts whose arrivals travel together. */
const arrivalsTogether = 4 * lanes;

/**
 * A warp's steps of arriving: arrivals in one flight behind a release fence; behind one more fence, if they complete any cell,
 * the signals of those, lane by lane. The no-ops come at the end.
 */
function* arriveCells(a: Actor, epoch: number): Life {
  const { experts } = a.shape;
  const { memory } = a.machine;
  const { cellArrivals } = myWords(a);
  for (let base = 0; base < experts; base += arrivalsTogether) {
    const here: number[] = [];
    for (let expert = base; expert < Math.min(base + arrivalsTogether, experts); expert++) {
      if (shareOf(a, epoch, expert).count > 0) here.push(expert);
    }
    if (here.length > 0) memory.releaseFence(a.fiber, Scope.Device);
    const complete: number[] = [];
    for (const expert of here) {
      const { count } = shareOf(a, epoch, expert);
      const before = yield* arriveFenced(a, cellArrivals + expert, count);
      if (before + count === keptRows(a, epoch, a.rank, expert)) complete.push(expert);
    }
    if (complete.length > 0) {
      memory.acquireFence(a.fiber, Scope.System);
      memory.releaseFence(a.fiber, Scope.System);
    }
    complete.sort((x, y) => (x % lanes) - (y % lanes) || x - y);
    for (const expert of complete) {
      yield* signalCell(a, epoch, expert);
      yield* setBack(a, cellArrivals + expert);
    }
  }
  for (let lane = 0; lane < lanes; lane++) {
    const step = lanes * a.spec.processors;
    for (let expert = a.index + lane * a.spec.processors; expert < experts; expert += step) {
      if (keptRows(a, epoch, a.rank, expert) === 0) yield* signalCell(a, epoch, expert);
    }
  }
}

function* dispatch(a: Actor, epoch: number): Life {
  for (let expert = 0; expert < a.shape.experts; expert++) {
    const home = a.words.placement.home(expert);
    const rows = keptRows(a, epoch, a.rank, expert);
    const from = { shape: a.shape, epoch, source: a.rank, expert, rows };
    const { begin, count } = shareOf(a, epoch, expert);
    for (let r = begin; r < begin + count; r++) {
      yield* writePlain(a, rowWord(a, home.rank, a.rank, home.slot, r), rowValue(from, r));
    }
  }
  yield* arriveCells(a, epoch);
}

function* gemm0(a: Actor, epoch: number, t: Task, rows: number): Life {
  const expert = a.words.placement.globalExpert(a.rank, t.expert);
  const from = { shape: a.shape, epoch, source: t.peer, expert, rows };
  const span = rowSpan(a.shape, rows, t.block);
  for (let r = span.begin; r < span.begin + span.count; r++) {
    yield* readPlain(a, rowWord(a, a.rank, t.peer, t.expert, r));
  }
  const rowBlock = rowBlockIndex(a.shape, t.expert, t.peer, t.block);
  const out = myWords(a).intermediate + rowBlock * gemm0Cols(a.shape) + t.col;
  yield* writePlain(a, out, intermediateValue(from, t.block, t.col));
}

function* gemm1(a: Actor, epoch: number, t: Task, rows: number): Life {
  const s = a.shape;
  const expert = a.words.placement.globalExpert(a.rank, t.expert);
  const from = { shape: s, epoch, source: t.peer, expert, rows };
  const rowBlock = rowBlockIndex(s, t.expert, t.peer, t.block);
  for (let c = 0; c < gemm0Cols(s); c++) {
    yield* readPlain(a, myWords(a).intermediate + rowBlock * gemm0Cols(s) + c);
  }
  const span = rowSpan(s, rows, t.block);
  for (let r = span.begin; r < span.begin + span.count; r += rowStep) {
    const at = tileWord(a, t.peer, a.rank, t.expert, r, t.col);
    yield* writePlain(a, at, tileValue(from, t.block, t.col, r));
  }
  const flag = combineFlag(s, expert, t.block, t.col);
  const signal = { state: epochState(epoch), rows: span.count, rowTiles: 0 };
  yield* sendSignal(a, t.peer, flag, signal, epoch);
}

/** Rows of this rank in order: expert by expert. Token t has rows t * topK and on. */
function ownRowsBefore(a: Actor, epoch: number, expert: number): number {
  let sum = 0;
  for (let e = 0; e < expert; e++) sum += keptRows(a, epoch, a.rank, e);
  return sum;
}

function blockOf(s: Shape, rows: number, row: number): number {
  let block = 0;
  for (;;) {
    const span = rowSpan(s, rows, block);
    if (row < span.begin + span.count) return block;
    block++;
  }
}

function* finishToken(a: Actor, epoch: number, token: number, col: number): Life {
  const s = a.shape;
  let sum = 0;
  let at = 0;
  for (let expert = 0; expert < s.experts; expert++) {
    const rows = keptRows(a, epoch, a.rank, expert);
    const from = { shape: s, epoch, source: a.rank, expert, rows };
    const home = a.words.placement.home(expert);
    for (let r = 0; r < rows; r++, at++) {
      if (Math.floor(at / s.topK) !== token) continue;
      const unit = r - (r % rowStep);
      yield* readPlain(a, tileWord(a, a.rank, home.rank, home.slot, unit, col));
      sum += tileValue(from, blockOf(s, rows, r), col, unit);
    }
  }
  yield* writePlain(a, myWords(a).output + token * gemm1Cols(s) + col, sum);
}

function* combine(a: Actor, epoch: number, t: Task, rows: number): Life {
  const s = a.shape;
  const all = ownRowsBefore(a, epoch, s.experts);
  const span = rowSpan(s, rows, t.block);
  for (let r = span.begin; r < span.begin + span.count; r++) {
    const token = Math.floor((ownRowsBefore(a, epoch, t.expert) + r) / s.topK);
    const total = Math.min(s.topK, all - token * s.topK);
    const counter = myWords(a).tokenArrivals + token * gemm1Cols(s) + t.col;
    const before = yield* arrive(a, counter, 1, total);
    if (before + 1 === total) yield* finishToken(a, epoch, token, t.col);
  }
}

function* finishGemm0(a: Actor, t: Task): Life {
  const s = a.shape;
  const words = myWords(a);
  const rowBlock = rowBlockIndex(s, t.expert, t.peer, t.block);
  const before = yield* arrive(a, words.rowBlockArrivals + rowBlock, 1, gemm0Cols(s));
  if (before + 1 !== gemm0Cols(s)) return;
  yield;
  const ticket = a.machine.add(a.fiber, words.queueTail, 1, Order.Relaxed, Scope.Device);
  const first = gemm1Task(s, t.expert, t.peer, t.block, 0);
  const entry = { tag: queueTag(ticket), first, count: gemm1Cols(s) };
  const ring = words.rings[a.spec.subscribers] ?? 0;
  yield* publish(a, ring, processorRing(s), ticket, entry, Scope.Device);
}

function* execute(a: Actor, epoch: number, t: Task, rows: number): Life {
  if (t.op === Op.Gemm0) yield* gemm0(a, epoch, t, rows);
  else if (t.op === Op.Gemm1) yield* gemm1(a, epoch, t, rows);
  else yield* combine(a, epoch, t, rows);
}

function* publishStatus(a: Actor, sequence: number): Life {
  yield;
  const at = myWords(a).status + a.index;
  a.machine.store(a.fiber, at, sequence, 0, Order.Release, Scope.Device);
}

function* openMailbox(a: Actor, eager: boolean): Generator<void, number, void> {
  yield;
  a.machine.load(a.fiber, myWords(a).status + a.index, Order.Relaxed, Scope.Device);
  const status = a.machine.memory.lo;
  if (eager) return status;
  yield* publishStatus(a, nextSequence(status));
  return nextSequence(status);
}

/** One launch of a processor. */
export function* processorLaunch(a: Actor, epoch: number): Life {
  yield* barrier(a, epoch);
  yield* dispatch(a, epoch);
  const eager = a.spec.readiness === 'eager';
  let bell = { task: 0, sequence: yield* openMailbox(a, eager), exit: false };
  for (;;) {
    const last = bell.sequence;
    yield* a.machine.spin(a.fiber, function* () {
      bell = yield* loadDoorbell(a, a.index, Order.Acquire);
      return bell.sequence !== last;
    });
    if (bell.exit) break;
    if (eager) yield* publishStatus(a, bell.sequence);
    const t = decodeTask(a.shape, bell.task);
    const rows =
      t.op === Op.Combine
        ? keptRows(a, epoch, a.rank, t.expert)
        : (yield* loadSignal(a, dispatchFlag(a.shape, t.peer, t.expert))).rows;
    yield* execute(a, epoch, t, rows);
    if (t.op === Op.Gemm0) yield* finishGemm0(a, t);
    if (!eager) yield* publishStatus(a, bell.sequence);
  }
  if (eager) yield* publishStatus(a, bell.sequence);
}
