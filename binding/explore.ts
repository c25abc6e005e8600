/** The explorer: the kernel's own protocol headers on fibers, one shared access at a time. */
import { loadAddon } from './index.ts';
import type { KernelPolicy } from './kernel.ts';
import type { NativeShape } from './layout.ts';

/** Sequentially consistent memory, or the scoped release/acquire model of docs/reference/memory-model.md. */
export type MemoryModel = 'sc' | 'weak';

export interface NativeWorldConfig {
  readonly shape: NativeShape;
  /** Prefix sums of the experts each rank holds, ranks + 1 entries. */
  readonly expertBase: Uint32Array;
  /** Per rank. */
  readonly processors: number;
  readonly subscribers: number;
  readonly epochs: number;
  readonly eager: boolean;
  readonly policy: KernelPolicy;
  /** Tasks that a backlog of the scheduler holds: a power of two, at least as many as any queue entry has. */
  readonly backlog: number;
  readonly model: MemoryModel;
  /** Rows kept: [epoch][source][expert], flattened. */
  readonly rows: Uint32Array;
  /** Puts of a rank that may overtake each other; 0 or absent: direct stores. */
  readonly puts?: number;
  /**
   * How lanes share their warp's words between two syncs: they take turns from the first (`up`, the default) or from the last
   * (`down`), or see each other's only after a sync (`views`).
   */
  readonly lanes?: 'up' | 'down' | 'views';
}

/** `random` and `pct` take a seed and the number of the run under it; `replay` takes choices. */
export interface RunRequest {
  readonly strategy: 'random' | 'pct' | 'replay';
  readonly seed?: number;
  readonly index?: number;
  readonly choices?: Uint32Array;
  /** Ordering constraints a failure may need (pct). */
  readonly depth?: number;
  readonly maxSteps?: number;
  readonly keepChoices?: boolean;
  readonly keepEvents?: boolean;
  readonly keepDigests?: boolean;
  readonly keepAccesses?: boolean;
}

export interface NativeFailure {
  readonly invariant: string;
  readonly message: string;
  readonly step: number;
}

/** Events as columns; `step` counts shared accesses. */
export interface NativeEvents {
  readonly step: Float64Array;
  readonly launch: Uint32Array;
  readonly rank: Uint16Array;
  readonly actor: Uint32Array;
  readonly kind: Uint8Array;
  readonly aux: Uint16Array;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
}

export interface RunReport {
  readonly failure: NativeFailure | null;
  readonly steps: number;
  readonly choices: Uint32Array;
  readonly events: NativeEvents;
  /** One per shared access: a running hash of who accessed what, the value, all of memory, and who could move. */
  readonly digests: Uint32Array;
  /** Five numbers an access: actor, kind (1 read, 2 write, 3 update), word, low and high half of the value. */
  readonly accesses: Uint32Array;
}

export interface BatchRequest {
  readonly strategy: 'random' | 'pct';
  readonly seed: number;
  readonly runs: number;
  /** Number of the first run. */
  readonly first?: number;
  readonly depth?: number;
  readonly maxSteps?: number;
  /** Stops at the first failure of this invariant; absent: at any failure; `never`: at none. */
  readonly until?: string;
}

export interface BatchReport {
  readonly runs: number;
  readonly steps: number;
  /** One entry per invariant that failed: its first failure, that run's number, and how many runs failed it. */
  readonly failures: readonly (NativeFailure & {
    readonly firstRun: number;
    readonly count: number;
  })[];
}

export interface SearchReport {
  /** Every reachable state was judged. */
  readonly complete: boolean;
  /** Distinct states at which more than one actor was tried. */
  readonly states: number;
  /** Shared accesses executed. */
  readonly moves: number;
  /** Distinct final states. */
  readonly ends: number;
  readonly passes: number;
  /** Complete schedules in the reduced graph. */
  readonly schedules: number;
  /** Shared accesses of the longest schedule. */
  readonly longest: number;
  readonly failure: NativeFailure | null;
  /** Of the failing run, for `replay`. */
  readonly choices: Uint32Array;
}

export interface NativeWorld {
  run(request: RunRequest): RunReport;
  batch(request: BatchRequest): BatchReport;
  /** Exhaustive; model `sc`, direct stores and whole warps only. */
  search(request: { readonly maxStates: number; readonly reduce?: boolean }): SearchReport;
  /** Shared words of the world. */
  locations(): number;
}

export interface LitmusRequest {
  readonly shape: string;
  readonly model: MemoryModel;
  /** Every schedule, up to `runs` of them; else `runs` random ones under `seed`. */
  readonly all: boolean;
  readonly seed?: number;
  readonly runs: number;
}

export interface LitmusReport {
  readonly runs: number;
  /** Every schedule was run. */
  readonly complete: boolean;
  /** Schedules with a forbidden outcome, a data race or a deadlock. */
  readonly forbidden: number;
  readonly first: NativeFailure | null;
}

/** What an addon with the explorer exports. */
export interface ExplorerAddon {
  litmusNames(): readonly string[];
  litmus(request: LitmusRequest): LitmusReport;
  readonly ExploredWorld: new (config: NativeWorldConfig) => NativeWorld;
}

/** The explorer of the addon at `path`, by default the project's own. Throws NO_ADDON. */
export function loadExplorer(path?: string): ExplorerAddon {
  return loadAddon(path) as unknown as ExplorerAddon;
}
