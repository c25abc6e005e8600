import type { WorldSpec } from '../world-spec.ts';

/** One replacement in a source file: `from` occurs exactly once in it. */
export interface Edit {
  /** Relative to kernel/include/kerneltwin, or, starting with `explorer/`, to binding/src. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A fault planted in the protocol's headers (or in the host's stand-in for the code that calls them). */
export interface Mutant {
  readonly id: string;
  readonly fault: string;
  /** The invariants that must name it: at least one, in at least one schedule. */
  readonly killedBy: readonly string[];
  readonly edits: readonly Edit[];
  readonly world: WorldSpec;
  /** Schedules to try; every fault is found far earlier. */
  readonly runs: number;
  /** A fault of memory order or scope alone: sequentially consistent memory cannot show it. */
  readonly onlyWeak: boolean;
  readonly strategy: 'random' | 'pct';
}
