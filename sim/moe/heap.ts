/**
 * The symmetric tensor layout L[P][R][B][E][C][H] and the flag array: kernel/include/kerneltwin/layout/heap.h in
 * TypeScript, name for name. Offsets count elements, exact under 2^53.
 */
import { type Round, rounds, type Stage, stages } from './generated/layout.ts';
import { cellRowBlocks, gemm1Cols, type Shape, tileWidth } from './shape.ts';

export type RoundCode = (typeof Round)[keyof typeof Round];
export type StageCode = (typeof Stage)[keyof typeof Stage];

/**
 * Linear index of a cell. `source` is the writing rank for Incoming and the destination rank for Outgoing. In the
 * dispatch round `slot` is the expert's slot on the rank that owns the heap; in the combine round the heap belongs to
 * the token's home rank, `source` is the expert's owner and `slot` the expert's slot there.
 */
export function cellIndex(
  s: Shape,
  source: number,
  round: RoundCode,
  stage: StageCode,
  slot: number,
): number {
  return ((source * rounds + round) * stages + stage) * s.slots + slot;
}

/** Cells of one rank's heap. */
export function heapCells(s: Shape): number {
  return s.ranks * rounds * stages * s.slots;
}

/** Row index over the whole heap; trace records name rows by it. */
export function heapRow(s: Shape, cell: number, row: number): number {
  return cell * s.capacity + row;
}

/** Rows of one rank's heap. */
export function heapRows(s: Shape): number {
  return heapCells(s) * s.capacity;
}

/** Element offset of (row, h) in the dispatch round: row-major, so that GEMM0 loads rows with TMA. */
export function dispatchOffset(s: Shape, cell: number, row: number, h: number): number {
  return heapRow(s, cell, row) * s.hidden + h;
}

/** Element offset of (row, h) in the combine round: tiles of `tileCols` columns one after the other, each row-major. */
export function combineOffset(s: Shape, cell: number, row: number, h: number): number {
  const col = Math.floor(h / s.tileCols);
  const tile = col * s.capacity * s.tileCols;
  const width = tileWidth(s, s.hidden, col);
  return cell * s.capacity * s.hidden + tile + row * width + (h - col * s.tileCols);
}

/** Elements of one rank's heap. */
export function heapElements(s: Shape): number {
  return heapRows(s) * s.hidden;
}

/** Element offset in C1 = phi(A.W1 + b1), local to a rank: [source][slot][row][I]. */
export function intermediateOffset(
  s: Shape,
  source: number,
  slot: number,
  row: number,
  i: number,
): number {
  return ((source * s.slots + slot) * s.capacity + row) * s.intermediate + i;
}

/** Elements of one rank's intermediate. */
export function intermediateElements(s: Shape): number {
  return s.ranks * s.slots * s.capacity * s.intermediate;
}

/** Flag of the dispatch cell (source, slot) on the rank that owns the slot. */
export function dispatchFlag(s: Shape, source: number, slot: number): number {
  return source * s.slots + slot;
}

/** Dispatch flags of a rank; combine flags follow them. */
export function dispatchFlags(s: Shape): number {
  return s.ranks * s.slots;
}

/** Flag of one (expert, row block, column tile) of the tokens sent away, on their home rank. */
export function combineFlag(s: Shape, expert: number, block: number, col: number): number {
  return dispatchFlags(s) + (expert * cellRowBlocks(s) + block) * gemm1Cols(s) + col;
}

/** Flags of a rank. */
export function flagCount(s: Shape): number {
  return dispatchFlags(s) + s.experts * cellRowBlocks(s) * gemm1Cols(s);
}
