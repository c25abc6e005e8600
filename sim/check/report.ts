/** The invariants of docs/reference/invariants.md. */
export type InvariantId =
  | `L${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`
  | `S${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10}`
  | `T${1 | 2 | 3 | 4 | 5}`
  | `W${1 | 2 | 3 | 4 | 5 | 6}`
  | `N${1 | 2}`;

/**
 * - `held`: the trace shows that the invariant holds on this run;
 * - `violated`: the trace shows that it does not;
 * - `undecided`: this trace cannot tell, for the reason given. Never to be counted as held.
 */
export type Verdict = 'held' | 'violated' | 'undecided';

/** One place where a trace breaks an invariant. */
export interface Violation {
  readonly id: InvariantId;
  readonly launch: number;
  readonly rank: number;
  /** Nanoseconds since the launch began; for something that never happened, the end of the launch. */
  readonly timeNs: number;
  /** Actors involved, as `rank 1 processor 7`. */
  readonly actors: readonly string[];
  readonly message: string;
}

export interface MonitorResult {
  readonly id: InvariantId;
  readonly title: string;
  readonly verdict: Verdict;
  /**
   * False where this run's policy or readiness does not claim the property (a policy that holds work back is not
   * work-conserving on purpose). A violation is then a reported property, and the trace stays clean.
   */
  readonly promised: boolean;
  /** Why a trace cannot tell, why nothing was promised, or what part of the invariant was judged. */
  readonly reason?: string;
  /** The first violations, at most {@link maxViolations}. */
  readonly violations: readonly Violation[];
  /** Number of all violations. */
  readonly total: number;
}

export interface CheckReport {
  /** One result an invariant, in the order of the reference. */
  readonly monitors: readonly MonitorResult[];
  /** No promised invariant is violated. Undecided ones do not make a trace unclean, nor do they count as held. */
  readonly clean: boolean;
}

/** Violations of one invariant that are kept with their text. */
export const maxViolations = 20;
