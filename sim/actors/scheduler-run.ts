import { BitSet } from './bit-set.ts';
import type { SchedulingPolicy } from './policy.ts';
import type { RankState } from './rank.ts';

/** What the scheduler of a rank does: nothing between launches, sweep, or interrupt its processors. */
export type SchedulerPhase = 'idle' | 'sweeping' | 'interrupting';

/** Private memory of one rank's scheduler. */
export class SchedulerRun {
  readonly state: RankState;
  /** Processors in the ready queue. */
  readonly ready: BitSet;
  policy!: SchedulingPolicy;
  phase: SchedulerPhase = 'idle';
  /** When the next iteration takes what its flight of loads has brought; later ones follow at the period of an empty sweep. */
  readPoint = 0;
  /** When that flight has landed: before `readPoint` where placements held up the iteration. */
  landed = 0;
  /** When the last placements were through. */
  placed = 0;
  /** Time of the one wake-up that counts; others are stale. */
  wakeAt: number = Number.POSITIVE_INFINITY;
  emptySweeps = 0;
  /** Batch of 32 processors that is being interrupted, and since when it is polled. */
  batch = 0;
  batchSince = 0;

  constructor(state: RankState, processors: number) {
    this.state = state;
    this.ready = new BitSet(processors, state.arena);
  }

  begin(policy: SchedulingPolicy): void {
    this.policy = policy;
    this.ready.clear();
    this.phase = 'sweeping';
    this.wakeAt = Number.POSITIVE_INFINITY;
    this.emptySweeps = 0;
    this.placed = 0;
  }
}
