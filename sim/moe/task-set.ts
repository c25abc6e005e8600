/**
 * The oracle of a launch: which tasks a rank must run and how its task bound moves, computed from the kept rows alone
 * (invariants S2, T1, T2). It shares no code with the actors that are judged by it.
 */
import type { Placement } from './placement.ts';
import { cellRowBlocks, gemm0Cols, gemm1Cols, rowBlocks, type Shape } from './shape.ts';
import { combineTask, gemm0Task, gemm1Task } from './task.ts';

/** Kept rows of one launch: `[source rank][global expert]`. */
export type LaunchRows = readonly (readonly number[])[];

export interface TaskCounts {
  readonly gemm0: number;
  readonly gemm1: number;
  readonly combine: number;
  readonly total: number;
}

/** Kept rows from `source` to the global expert `expert`. Throws RangeError where the table has no such entry. */
export function keptRows(rows: LaunchRows, source: number, expert: number): number {
  const n = rows[source]?.[expert];
  if (n === undefined) throw new RangeError(`no kept rows for source ${source}, expert ${expert}`);
  return n;
}

/** Row blocks of all cells that `source` sends to `rank`: the `rowTiles` of its signals there. */
export function rowTilesBetween(
  shape: Shape,
  placement: Placement,
  rows: LaunchRows,
  source: number,
  rank: number,
): number {
  let tiles = 0;
  for (let slot = 0; slot < placement.localExperts(rank); slot++) {
    tiles += rowBlocks(shape, keptRows(rows, source, placement.globalExpert(rank, slot)));
  }
  return tiles;
}

/** Tasks of `rank` in a launch, by operation. */
export function taskCounts(
  shape: Shape,
  placement: Placement,
  rows: LaunchRows,
  rank: number,
): TaskCounts {
  let incoming = 0;
  for (let source = 0; source < shape.ranks; source++) {
    incoming += rowTilesBetween(shape, placement, rows, source, rank);
  }
  const gemm0 = incoming * gemm0Cols(shape);
  const gemm1 = incoming * gemm1Cols(shape);
  const combine = combineCount(shape, rows, rank);
  return { gemm0, gemm1, combine, total: gemm0 + gemm1 + combine };
}

/** Every task index of `rank` in a launch, ascending. */
export function rankTasks(
  shape: Shape,
  placement: Placement,
  rows: LaunchRows,
  rank: number,
): Uint32Array {
  const tasks = new Uint32Array(taskCounts(shape, placement, rows, rank).total);
  let n = 0;
  const cells = (task: typeof gemm0Task, cols: number): void => {
    for (let slot = 0; slot < placement.localExperts(rank); slot++) {
      const expert = placement.globalExpert(rank, slot);
      for (let source = 0; source < shape.ranks; source++) {
        const blocks = rowBlocks(shape, keptRows(rows, source, expert));
        for (let block = 0; block < blocks; block++) {
          for (let col = 0; col < cols; col++) tasks[n++] = task(shape, slot, source, block, col);
        }
      }
    }
  };
  cells(gemm0Task, gemm0Cols(shape));
  cells(gemm1Task, gemm1Cols(shape));
  for (let expert = 0; expert < shape.experts; expert++) {
    const blocks = rowBlocks(shape, keptRows(rows, rank, expert));
    for (let block = 0; block < blocks; block++) {
      for (let col = 0; col < gemm1Cols(shape); col++) {
        tasks[n++] = combineTask(shape, expert, block, col);
      }
    }
  }
  return tasks;
}

/** Task bound of `rank` before any signal: every incoming cell full, plus its own COMBINE tiles. */
export function initialBound(
  shape: Shape,
  placement: Placement,
  rows: LaunchRows,
  rank: number,
): number {
  const cells = placement.localExperts(rank) * shape.ranks;
  return cells * cellRowBlocks(shape) * tilesPerBlock(shape) + combineCount(shape, rows, rank);
}

/** Tasks to subtract from `rank`'s bound when a peer announces `rowTiles` row blocks. */
export function surplus(
  shape: Shape,
  placement: Placement,
  rank: number,
  rowTiles: number,
): number {
  const full = placement.localExperts(rank) * cellRowBlocks(shape);
  return (full - rowTiles) * tilesPerBlock(shape);
}

/** Task bound of `rank` once every peer's surplus is known: the number of its tasks. */
export function finalBound(
  shape: Shape,
  placement: Placement,
  rows: LaunchRows,
  rank: number,
): number {
  return taskCounts(shape, placement, rows, rank).total;
}

/** GEMM0 and GEMM1 tasks of one row block. */
export function tilesPerBlock(shape: Shape): number {
  return gemm0Cols(shape) + gemm1Cols(shape);
}

function combineCount(shape: Shape, rows: LaunchRows, rank: number): number {
  let blocks = 0;
  for (let expert = 0; expert < shape.experts; expert++) {
    blocks += rowBlocks(shape, keptRows(rows, rank, expert));
  }
  return blocks * gemm1Cols(shape);
}
