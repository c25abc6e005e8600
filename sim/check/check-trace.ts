import type { Trace } from '../trace/trace.ts';
import { assertTrace } from '../trace/validate.ts';
import { type CheckContext, contextOf } from './context.ts';
import { Findings } from './findings.ts';
import type { Judgement, Monitor } from './monitor.ts';
import { monitors } from './registry.ts';
import type { CheckReport, MonitorResult } from './report.ts';
import { scenarioOf } from './scenario-of.ts';

/**
 * Runs every monitor over a trace, whichever half it came from. About a second for 500k events.
 * @throws {TraceError} when the trace is not a legal one, or its header holds no resolved scenario that fits it.
 */
export function checkTrace(trace: Trace): CheckReport {
  assertTrace('trace', trace);
  const context = contextOf(trace, scenarioOf('trace', trace.header));
  const results = monitors.map((monitor) => judge(monitor, context));
  const clean = results.every(({ verdict, promised }) => verdict !== 'violated' || !promised);
  return { monitors: results, clean };
}

function judge(monitor: Monitor, context: CheckContext): MonitorResult {
  const lost = context.header.lostEvents.reduce((sum, count) => sum + count, 0);
  const missing = missingKinds(monitor, context);
  if (lost > 0 && monitor.needs === 'all events') {
    return undecided(monitor, `${lost} events were lost to full rings`);
  }
  if (missing.length > 0) {
    return undecided(monitor, `the trace has no ${missing.join(', ')} events`);
  }
  const findings = new Findings(monitor.id, context);
  const judgement: Judgement = monitor.run(context, findings) ?? {};
  const why =
    judgement.undecided ?? (lost > 0 ? `${lost} events were lost to full rings` : undefined);
  const reasons = [judgement.notPromised, why, judgement.note].filter((text) => text !== undefined);
  const verdict = findings.total > 0 ? 'violated' : why === undefined ? 'held' : 'undecided';
  return {
    id: monitor.id,
    title: monitor.title,
    verdict,
    promised: judgement.notPromised === undefined,
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    violations: findings.violations,
    total: findings.total,
  };
}

function undecided({ id, title }: Monitor, reason: string): MonitorResult {
  return { id, title, verdict: 'undecided', promised: true, reason, violations: [], total: 0 };
}

/** Kinds that the monitor needs, the trace has none of, and a run of these tasks must have had. */
function missingKinds(monitor: Monitor, context: CheckContext): readonly string[] {
  const work = context.launches.some((launch) =>
    context.header.ranks.some((_, rank) => context.taskTotal(launch, rank) > 0),
  );
  if (!work) return [];
  return monitor.kinds.filter((kind) => context.index.rowsOf(kind).length === 0);
}
