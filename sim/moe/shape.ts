/**
 * The sizes of one expert-parallel world: kernel/include/kerneltwin/layout/shape.h in TypeScript, name for name. All
 * counts are non-negative integers; results are exact while they stay under 2^53.
 */
import { rowStep } from './generated/layout.ts';

/** Runtime shape of a world: the same value on every rank. */
export interface Shape {
  /** P, ranks of the expert-parallel world. */
  readonly ranks: number;
  /** E, experts of the layer over all ranks. */
  readonly experts: number;
  /** Most local experts any rank holds; stride of the expert axis of the heap. */
  readonly slots: number;
  /** S, most tokens any rank holds. */
  readonly tokens: number;
  /** H, elements of a token row; multiple of 64. */
  readonly hidden: number;
  /** I, elements of an intermediate row; multiple of 64. */
  readonly intermediate: number;
  /** k, experts chosen per token, 1 to 8. */
  readonly topK: number;
  /** C, rows of a cell, a multiple of `tileRows`. */
  readonly capacity: number;
  /** Most tokens of a row block; multiple of `rowStep`. */
  readonly tileRows: number;
  /** Weight rows of a GEMM tile, columns of a COMBINE tile; multiple of 64. */
  readonly tileCols: number;
  /** W1 has a gate row and an up row for each of the I columns; see {@link w1Rows}. Absent: it has not. */
  readonly gated?: boolean;
}

/** First row and number of rows of a row block. */
export interface RowSpan {
  readonly begin: number;
  readonly count: number;
}

/** Smallest integer not under a / b. */
export function ceilDiv(a: number, b: number): number {
  // A remainder, not Math.ceil(a / b): the quotient of large integers may round across an integer.
  const rest = a % b;
  return (a - rest) / b + (rest === 0 ? 0 : 1);
}

/** Smallest multiple of `b` not under `a`. */
export function roundUp(a: number, b: number): number {
  return ceilDiv(a, b) * b;
}

/** Rows of an expert's W1: I, or 2I where they are gated. */
export function w1Rows(s: Shape): number {
  return s.gated === true ? 2 * s.intermediate : s.intermediate;
}

/** Column tiles of GEMM0, over the rows of W1: a gated tile makes half as many columns. The last one may be narrower. */
export function gemm0Cols(s: Shape): number {
  return ceilDiv(w1Rows(s), s.tileCols);
}

/** Column tiles of GEMM1 and COMBINE (over H). The last one may be narrower. */
export function gemm1Cols(s: Shape): number {
  return ceilDiv(s.hidden, s.tileCols);
}

/** Row blocks of a full cell: the stride of the row-block axis. */
export function cellRowBlocks(s: Shape): number {
  return Math.floor(s.capacity / s.tileRows);
}

/** Row blocks of a cell that holds `rows` tokens. */
export function rowBlocks(s: Shape, rows: number): number {
  return ceilDiv(rows, s.tileRows);
}

/**
 * Rows of block `block` of a cell with `rows` tokens, split evenly in steps of `rowStep` so that no block is mostly
 * padding: 257 rows in tiles of 256 become 136 + 121, not 256 + 1.
 */
export function rowSpan(s: Shape, rows: number, block: number): RowSpan {
  const blocks = rowBlocks(s, rows);
  if (blocks === 0) return { begin: 0, count: 0 };
  const per = roundUp(ceilDiv(rows, blocks), rowStep);
  const begin = block * per;
  if (begin >= rows) return { begin: rows, count: 0 };
  return { begin, count: Math.min(rows - begin, per) };
}

/** Width in columns of tile `col` of a matrix with `width` columns. */
export function tileWidth(s: Shape, width: number, col: number): number {
  return Math.min(width - col * s.tileCols, s.tileCols);
}
