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
  /**
   * What sequentially consistent memory shows of it. `hidden`: a fault of memory order or scope alone, which no schedule
   * shows; `shown`: an order in the program text, named by the same invariants; `unasked`: not judged.
   */
  readonly underSc: 'hidden' | 'shown' | 'unasked';
  /** A world that shows a hidden fault under weak memory, small enough to search every state of it under the other. */
  readonly everyState?: WorldSpec;
  readonly strategy: 'random' | 'pct';
  /** Too rare for worlds that were not made for it: 1,500 generated ones did not show it. */
  readonly needsItsWorld?: true;
}
