/** Worlds that show planted faults, and what most of the catalogue's entries have in common. */
import { crowded, fourEpochs, twelveTasks, type WorldSpec } from '../../world-spec.ts';
import type { Edit, Mutant } from '../mutant.ts';

export const oneEdit = (file: string, from: string, to: string): readonly Edit[] => [
  { file, from, to },
];

/** More tasks than two processors take at once, so that a hand is placed in several batches. */
export const busy: WorldSpec = { ...twelveTasks, processors: 2, rows: [[[4, 4]], [[4, 3]]] };

/** Many more tasks than the backlogs have room for, and one processor that takes them. */
export const full: WorldSpec = {
  ...crowded,
  backlog: 4,
  policy: 'interleave',
  processors: 1,
  rows: crowded.rows.slice(0, 2),
};

/** Rows short of whole row blocks: the padded and the unpadded capacity differ. */
export const unpadded: WorldSpec = { ...crowded, tokens: 12, rows: crowded.rows.slice(0, 1) };

/** Signals left ahead and stale for up to three epochs: the pattern that three epoch states confuse. */
export const silences: WorldSpec = {
  ...fourEpochs,
  model: 'weak',
  expertsPerRank: [2, 2],
  tokens: 8,
  rows: [0, 1, 2, 3, 4, 5].map((epoch) => [
    [0, 0, epoch % 3 === 0 ? 2 : 0, epoch % 2],
    [epoch % 2, epoch % 4 === 3 ? 1 : 0, 0, 0],
  ]),
};

/** Every cell is empty in one epoch and full in the next, and puts of a rank may overtake each other. */
export const overtaken: WorldSpec = {
  ...fourEpochs,
  model: 'weak',
  puts: 1,
  rows: [0, 1, 2, 3].map((epoch) => [
    [0, epoch % 2],
    [epoch % 2, 0],
  ]),
};

/** One row from one rank to the other: every hand-over from put to result, once. */
export const handOver: WorldSpec = { ...fourEpochs, rows: fourEpochs.rows.slice(0, 1) };

/** Two processors that share the GEMM0 tiles of one row block. */
export const twoBlocks: WorldSpec = { ...twelveTasks, hidden: 64, processors: 2, rows: [[[1, 0]]] };

/** Two processors that each put a row of one cell. */
export const sharedCell: WorldSpec = { ...twoBlocks, rows: [[[2, 0]]] };

export const defaults: Pick<Mutant, 'world' | 'runs' | 'underSc' | 'strategy'> = {
  world: crowded,
  runs: 2000,
  underSc: 'unasked',
  strategy: 'random',
};
