import { checkTrace } from '../check/check-trace.ts';
import { traceMetrics } from '../compare/metrics.ts';
import { halfLabel } from '../report/half.ts';
import type { JudgedHalf } from '../report/page.ts';
import type { Trace } from '../trace/trace.ts';

/** Checks and measures a trace. */
export function judge(trace: Trace): JudgedHalf {
  return {
    half: { label: halfLabel(trace), trace, metrics: traceMetrics(trace) },
    check: checkTrace(trace),
  };
}
