import type { TraceMetrics } from '../compare/metrics.ts';
import type { Trace } from '../trace/trace.ts';

/** One half of the twin, as figures and tables show it. */
export interface Half {
  readonly label: 'simulator' | 'GPU';
  readonly trace: Trace;
  readonly metrics: TraceMetrics;
}

/** Label of a trace by the half that produced it. */
export function halfLabel(trace: Trace): Half['label'] {
  return trace.header.source === 'gpu' ? 'GPU' : 'simulator';
}
