import type { MemoryModel, NativeWorldConfig } from '../../binding/explore.ts';
import type { KernelPolicy } from '../../binding/kernel.ts';
import { entryRowBlocks } from '../moe/queue-entries.ts';
import { ceilDiv, roundUp } from '../moe/shape.ts';

/** A small world for the explorer. Sizes are those of a scenario; `rows` replaces its routing. */
export interface WorldSpec {
  /** Experts each rank holds, at least one. */
  readonly expertsPerRank: readonly number[];
  /** Tokens of every rank; also the capacity before it is rounded up to row blocks (dropless). */
  readonly tokens: number;
  readonly topK: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly tileRows: number;
  readonly tileCols: number;
  readonly processors: number;
  readonly subscribers: number;
  readonly readiness: 'eager' | 'lazy';
  readonly policy: KernelPolicy;
  /** Tasks a backlog of the scheduler holds: a power of two, at least `leastBacklog`. */
  readonly backlog: number;
  /** Kept rows: [epoch][source rank][global expert]. */
  readonly rows: readonly (readonly (readonly number[])[])[];
  readonly model: MemoryModel;
  /** Puts of a rank in flight together; 0: direct stores. */
  readonly puts: number;
  /** How lanes share their warp's words between two syncs: see docs/reference/memory-model.md. */
  readonly lanes: 'up' | 'down' | 'views';
}

/**
 * Tasks of the smallest backlog that any queue entry of such a world fits: a cell's GEMM0 tiles, as far as they share
 * an entry, a row block's GEMM1 tiles, or a run of COMBINE tiles in one chunk of flags. With it the scheduler leaves entries in their queues as often as it can.
 */
export function leastBacklog(
  spec: Pick<WorldSpec, 'tokens' | 'hidden' | 'intermediate' | 'tileRows' | 'tileCols'>,
): number {
  const gemm0Cols = ceilDiv(spec.intermediate, spec.tileCols);
  const gemm1Cols = ceilDiv(spec.hidden, spec.tileCols);
  const cellBlocks = ceilDiv(spec.tokens, spec.tileRows);
  const entryBlocks = Math.min(cellBlocks, entryRowBlocks(gemm0Cols));
  const run = Math.min(32, cellBlocks * gemm1Cols);
  let tasks = 1;
  while (tasks < Math.max(entryBlocks * gemm0Cols, gemm1Cols, run)) tasks *= 2;
  return tasks;
}

/** The addon's form of a world. */
export function nativeConfig(spec: WorldSpec): NativeWorldConfig {
  const base = [0];
  for (const n of spec.expertsPerRank) base.push((base.at(-1) ?? 0) + n);
  return {
    shape: {
      ranks: spec.expertsPerRank.length,
      experts: base.at(-1) ?? 0,
      slots: Math.max(...spec.expertsPerRank),
      tokens: spec.tokens,
      hidden: spec.hidden,
      intermediate: spec.intermediate,
      topK: spec.topK,
      capacity: roundUp(spec.tokens, spec.tileRows),
      tileRows: spec.tileRows,
      tileCols: spec.tileCols,
    },
    expertBase: Uint32Array.from(base),
    processors: spec.processors,
    subscribers: spec.subscribers,
    epochs: spec.rows.length,
    eager: spec.readiness === 'eager',
    policy: spec.policy,
    backlog: spec.backlog,
    model: spec.model,
    rows: Uint32Array.from(spec.rows.flat(2)),
    puts: spec.puts,
    lanes: spec.lanes,
  };
}

const smallest: Omit<WorldSpec, 'expertsPerRank' | 'rows'> = {
  tokens: 8,
  topK: 1,
  hidden: 64,
  intermediate: 64,
  tileRows: 8,
  tileCols: 64,
  processors: 1,
  subscribers: 1,
  readiness: 'eager',
  policy: 'fifo',
  backlog: 64,
  model: 'weak',
  puts: 0,
  lanes: 'up',
};

/** One rank, four processors, a scheduler and a subscriber; twelve tasks. What speed is measured on. */
export const twelveTasks: WorldSpec = {
  ...smallest,
  hidden: 128,
  intermediate: 128,
  processors: 4,
  expertsPerRank: [2],
  rows: [[[4, 4]]],
};

/**
 * Two ranks over four epochs: rows one way, the other way, none at all, and both ways, so that every pair of real and
 * no-op signals follows each other and a no-op flag is left ahead. What is proved exhaustively.
 */
export const fourEpochs: WorldSpec = {
  ...smallest,
  model: 'sc',
  expertsPerRank: [1, 1],
  rows: [
    [
      [0, 1],
      [0, 0],
    ],
    [
      [0, 0],
      [1, 0],
    ],
    [
      [0, 0],
      [0, 0],
    ],
    [
      [0, 1],
      [1, 0],
    ],
  ],
};

/**
 * Three experts on two ranks, two processors, two column tiles, residue rows and two row blocks a cell: one world in which
 * every kind of counter, queue and flag is shared by someone.
 */
export const crowded: WorldSpec = {
  ...smallest,
  tokens: 16,
  topK: 2,
  hidden: 128,
  intermediate: 128,
  processors: 2,
  subscribers: 2,
  expertsPerRank: [1, 2],
  rows: [
    [
      [9, 3, 0],
      [2, 12, 5],
    ],
    [
      [0, 10, 4],
      [0, 0, 7],
    ],
    [
      [3, 0, 0],
      [11, 1, 0],
    ],
  ],
};
