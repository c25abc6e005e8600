/**
 * A task is a 32-bit index from which everything a processor needs follows: kernel/include/kerneltwin/layout/task.h in
 * TypeScript, name for name.
 */
import { Op } from './generated/layout.ts';
import { cellRowBlocks, gemm0Cols, gemm1Cols, type Shape } from './shape.ts';

export type OpCode = (typeof Op)[keyof typeof Op];

/**
 * A decoded task. For GEMM0 and GEMM1 `peer` is the source rank and `expert` the local slot; for COMBINE `expert` is
 * the global expert and `peer` is unused (zero).
 */
export interface Task {
  readonly op: OpCode;
  readonly peer: number;
  readonly expert: number;
  readonly block: number;
  readonly col: number;
}

/** GEMM0 tasks of a rank with every cell full: the size of the first region of its task space. */
export function gemm0Tasks(s: Shape): number {
  return s.slots * s.ranks * cellRowBlocks(s) * gemm0Cols(s);
}

/** GEMM1 tasks of a rank with every cell full: the size of the second region. */
export function gemm1Tasks(s: Shape): number {
  return s.slots * s.ranks * cellRowBlocks(s) * gemm1Cols(s);
}

/** COMBINE tasks of a rank with every cell full: the size of the third region. */
export function combineTasks(s: Shape): number {
  return s.experts * cellRowBlocks(s) * gemm1Cols(s);
}

/** One over the largest task index of a rank. */
export function taskSpace(s: Shape): number {
  return gemm0Tasks(s) + gemm1Tasks(s) + combineTasks(s);
}

/** Row block over all cells of a rank, expert-major so that consecutive tasks share an expert's weights. */
export function rowBlockIndex(s: Shape, slot: number, source: number, block: number): number {
  return (slot * s.ranks + source) * cellRowBlocks(s) + block;
}

/** Index of GEMM0 of (slot, source, row block, column tile over I). */
export function gemm0Task(
  s: Shape,
  slot: number,
  source: number,
  block: number,
  col: number,
): number {
  return rowBlockIndex(s, slot, source, block) * gemm0Cols(s) + col;
}

/** Index of GEMM1 of (slot, source, row block, column tile over H). */
export function gemm1Task(
  s: Shape,
  slot: number,
  source: number,
  block: number,
  col: number,
): number {
  return gemm0Tasks(s) + rowBlockIndex(s, slot, source, block) * gemm1Cols(s) + col;
}

/** Index of COMBINE of (global expert, row block, column tile over H) on the tokens' home rank. */
export function combineTask(s: Shape, expert: number, block: number, col: number): number {
  const base = gemm0Tasks(s) + gemm1Tasks(s);
  return base + (expert * cellRowBlocks(s) + block) * gemm1Cols(s) + col;
}

/** Inverse of gemm0Task, gemm1Task and combineTask. Throws RangeError outside the task space. */
export function decodeTask(s: Shape, index: number): Task {
  if (!Number.isInteger(index) || index < 0 || index >= taskSpace(s)) {
    throw new RangeError(`task ${index} is outside the task space [0, ${taskSpace(s)})`);
  }
  const gemm0 = gemm0Tasks(s);
  if (index < gemm0) return decodeGemm(s, Op.Gemm0, index, gemm0Cols(s));
  const gemm1 = gemm1Tasks(s);
  if (index < gemm0 + gemm1) return decodeGemm(s, Op.Gemm1, index - gemm0, gemm1Cols(s));
  const local = index - gemm0 - gemm1;
  const cols = gemm1Cols(s);
  const blocks = cellRowBlocks(s);
  const rowBlock = Math.floor(local / cols);
  const expert = Math.floor(rowBlock / blocks);
  return { op: Op.Combine, peer: 0, expert, block: rowBlock % blocks, col: local % cols };
}

function decodeGemm(s: Shape, op: OpCode, local: number, cols: number): Task {
  const blocks = cellRowBlocks(s);
  const rowBlock = Math.floor(local / cols);
  const cell = Math.floor(rowBlock / blocks);
  return {
    op,
    peer: cell % s.ranks,
    expert: Math.floor(cell / s.ranks),
    block: rowBlock % blocks,
    col: local % cols,
  };
}

/** A task for people: `GEMM0(source 1, slot 3, row block 0, column 2)`. */
export function taskName(s: Shape, index: number): string {
  const task = decodeTask(s, index);
  const tile = `row block ${task.block}, column ${task.col}`;
  if (task.op === Op.Combine) return `COMBINE(expert ${task.expert}, ${tile})`;
  const name = task.op === Op.Gemm0 ? 'GEMM0' : 'GEMM1';
  return `${name}(source ${task.peer}, slot ${task.expert}, ${tile})`;
}
