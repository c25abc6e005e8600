import { signalRows } from '../trace/analysis/fields.ts';
import { EventKind } from '../trace/generated/events.ts';
import type { EventKindCode, Trace } from '../trace/trace.ts';
import { type Distribution, distribution } from './distribution.ts';
import type { LaunchRows } from './launches.ts';
import type { TaskSpan } from './task-spans.ts';

/** Times from one event to the one it leads to, in ns. */
export interface Latencies {
  /** Begin of a block's gate to the end of it. */
  readonly gate: Distribution;
  readonly dispatch: Distribution;
  /** Signals with rows, sent to observed. */
  readonly signal: Distribution;
  readonly readyToCommitted: Distribution;
  readonly committedToStarted: Distribution;
}

/** Latencies over the launches given. `spans` are the task executions of those launches. */
export function latencySamples(
  trace: Trace,
  launches: readonly LaunchRows[],
  spans: readonly TaskSpan[],
): Latencies {
  const known = (samples: number[]): Distribution =>
    distribution(samples.filter((sample) => !Number.isNaN(sample)));
  return {
    gate: betweenOnActor(trace, launches, EventKind.GateBegin, EventKind.GateEnd),
    dispatch: betweenOnActor(trace, launches, EventKind.DispatchBegin, EventKind.DispatchEnd),
    signal: distribution(signalFlights(trace, launches)),
    readyToCommitted: known(spans.map((span) => span.committed - span.ready)),
    committedToStarted: known(spans.map((span) => span.started - span.committed)),
  };
}

/** From the first event of kind `begin` of an actor to the next of kind `end` of the same actor. */
function betweenOnActor(
  trace: Trace,
  launches: readonly LaunchRows[],
  begin: EventKindCode,
  end: EventKindCode,
): Distribution {
  const { time, rank, actor, kind } = trace.events;
  const samples: number[] = [];
  for (const rows of launches) {
    const open = new Map<number, number>();
    for (let row = rows.begin; row < rows.end; row++) {
      if (kind[row] !== begin && kind[row] !== end) continue;
      const id = (rank[row] ?? 0) * 4294967296 + (actor[row] ?? 0);
      if (kind[row] === begin) open.set(id, time[row] ?? 0);
      else {
        const from = open.get(id);
        if (from !== undefined) samples.push((time[row] ?? 0) - from);
        open.delete(id);
      }
    }
  }
  return distribution(samples);
}

/** Flight of every signal with rows: matched by destination rank, flag and launch. */
function signalFlights(trace: Trace, launches: readonly LaunchRows[]): number[] {
  const { time, rank, kind, aux, a, b } = trace.events;
  const samples: number[] = [];
  for (const rows of launches) {
    const sent = new Map<number, number>();
    const seen = new Map<number, number>();
    for (let row = rows.begin; row < rows.end; row++) {
      if (signalRows(b[row] ?? 0) === 0) continue;
      const into =
        kind[row] === EventKind.SignalSent
          ? { at: sent, rank: aux[row] ?? 0 }
          : kind[row] === EventKind.SignalObserved
            ? { at: seen, rank: rank[row] ?? 0 }
            : undefined;
      if (into === undefined) continue;
      const id = into.rank * 4294967296 + (a[row] ?? 0);
      if (!into.at.has(id)) into.at.set(id, time[row] ?? 0);
    }
    for (const [id, from] of sent) {
      const to = seen.get(id);
      if (to !== undefined) samples.push(to - from);
    }
  }
  return samples;
}
