import type { EventKindName } from '../trace/generated/events.ts';
import type { CheckContext } from './context.ts';
import type { Findings } from './findings.ts';
import type { InvariantId } from './report.ts';

/** What a monitor says besides the violations it found. */
export interface Judgement {
  /** Why this trace cannot decide; violations found all the same still count. */
  readonly undecided?: string;
  /** What part of the invariant was judged, or figures a reader wants beside the verdict. */
  readonly note?: string;
  /** Why this run does not promise the invariant. */
  readonly notPromised?: string;
}

/** Judges one invariant on one trace. Monitors know nothing of each other. */
export interface Monitor {
  readonly id: InvariantId;
  readonly title: string;
  /** Event kinds without which a trace of any work cannot decide. */
  readonly kinds: readonly EventKindName[];
  /**
   * `each event`: a violation shows in single events, so lost events hide violations but never make them up.
   * `all events`: a lost event could look like a violation, so nothing is said about a trace that lost any.
   */
  readonly needs: 'each event' | 'all events';
  run(context: CheckContext, findings: Findings): Judgement | undefined;
}

/** A monitor for an invariant that no trace can decide; `reason` says why and where it is tested. */
export function undecidable(id: InvariantId, title: string, reason: string): Monitor {
  return { id, title, kinds: [], needs: 'each event', run: () => ({ undecided: reason }) };
}
