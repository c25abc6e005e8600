import type { TraceMetrics } from '../compare/metrics.ts';
import type { Trace, TraceSource } from '../trace/trace.ts';

/** One half of the twin, as figures and tables show it. */
export interface Half {
  readonly label: 'simulator' | 'GPU' | 'emulated GPU' | 'explorer';
  readonly trace: Trace;
  readonly metrics: TraceMetrics;
}

const labels: Readonly<Record<TraceSource, Half['label']>> = {
  simulator: 'simulator',
  gpu: 'GPU',
  emulator: 'emulated GPU',
  explorer: 'explorer',
};

/** Label of a trace by the half that produced it. */
export function halfLabel(trace: Trace): Half['label'] {
  return labels[trace.header.source];
}
