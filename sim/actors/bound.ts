import { cellRowBlocks, gemm0Cols, gemm1Cols, rowBlocks } from '../moe/shape.ts';
import type { RankState } from './rank.ts';
import { fail, type World } from './world.ts';

/** GEMM0 and GEMM1 tasks of one row block. */
function tasksPerRowBlock(world: World): number {
  return gemm0Cols(world.shape) + gemm1Cols(world.shape);
}

/** Sets the task bound of a launch: every incoming cell full, plus this rank's own COMBINE tiles, known after the gate. */
export function beginBound(world: World, state: RankState): void {
  const { shape } = world;
  let ownBlocks = 0;
  for (const rows of state.ownRows) ownBlocks += rowBlocks(shape, rows);
  const cells = state.localExperts * shape.ranks;
  state.bound =
    cells * cellRowBlocks(shape) * tasksPerRowBlock(world) + ownBlocks * gemm1Cols(shape);
  state.scheduled = 0;
  state.finished = 0;
  state.announced.fill(-1);
  state.unannounced = shape.ranks;
}

/**
 * Subtracts a peer's surplus the first time it is called for that peer in a launch (T2); `rowTiles` row blocks are what the
 * peer announced. True when it did.
 */
export function correctBound(
  world: World,
  state: RankState,
  peer: number,
  rowTiles: number,
): boolean {
  const before = state.announced[peer]!;
  if (before >= 0) return false;
  const full = state.localExperts * cellRowBlocks(world.shape);
  if (rowTiles > full) {
    fail(
      world,
      state,
      `peer ${peer} announced ${rowTiles} row blocks, over the ${full} it has room for`,
    );
  }
  state.announced[peer] = rowTiles;
  state.unannounced--;
  state.bound -= (full - rowTiles) * tasksPerRowBlock(world);
  if (state.bound < state.scheduled) {
    fail(world, state, `bound ${state.bound} fell under the ${state.scheduled} tasks scheduled`);
  }
  return true;
}
