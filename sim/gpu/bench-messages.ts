/** What a benchmark asks of its rank processes, and what they answer. */
import type { CheckResult, WorldOptions } from '../../binding/index.ts';

/** A world with inputs and weights of its own. */
export interface BenchWorld {
  readonly options: WorldOptions;
  /** Worlds of one seed have the same weights. */
  readonly seed: number;
}

/** One launch of every rank. */
export interface BenchStep {
  /** Index of the world. */
  readonly world: number;
  /** See LaunchOptions. */
  readonly held: boolean;
  readonly aligned: boolean;
  readonly poisonOutput: boolean;
  /** Tokens made anew before the launch, perhaps another world's, so that this launch does not find them in L2. */
  readonly refill: { readonly world: number; readonly seed: number } | null;
}

/** What a world's last launch left. */
export interface BenchVerdict {
  readonly check: CheckResult;
  /** Rows that this rank's tokens took of each global expert. */
  readonly rows: readonly number[];
  /** Trace records that found their ring full. */
  readonly lostRecords: number;
}
