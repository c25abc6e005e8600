import type { Distribution } from './distribution.ts';
import type { TraceMetrics } from './metrics.ts';
import { type ProcessorState, processorStates } from './processor-time.ts';
import { ops } from './task-spans.ts';

/** One number of a trace, with the name and unit under which tables print it. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly unit: 'ns' | 'share' | 'processor-ns';
  /** null: the trace has no sample of it. */
  readonly value: number | null;
}

const shareTitles: Readonly<Record<ProcessorState, string>> = {
  prologue: 'share in gate, barrier and dispatch',
  GEMM0: 'share in GEMM0',
  GEMM1: 'share in GEMM1',
  COMBINE: 'share in COMBINE',
  scheduler: 'share idle: scheduler',
  network: 'share idle: network',
  dependency: 'share idle: dependency',
  'no task': 'share idle: no task',
  exited: 'share exited',
};

/** The figures of a trace in the order in which tables print them. */
export function figures(metrics: TraceMetrics): readonly Figure[] {
  return [
    { id: 'makespan', title: 'makespan, median', ...ns(metrics.makespanNs, 'median') },
    { id: 'utilisation', title: 'utilisation', unit: 'share', value: metrics.utilisation },
    {
      id: 'residentUtilisation',
      title: 'resident utilisation',
      unit: 'share',
      value: metrics.residentUtilisation,
    },
    {
      id: 'workConservationLoss',
      title: 'work conservation loss per launch',
      unit: 'processor-ns',
      value: metrics.workConservationLossNs,
    },
    {
      id: 'overlap',
      title: 'signals in flight under tasks',
      unit: 'share',
      value: metrics.overlap,
    },
    ...ops.flatMap((op) => [
      { id: `${op}.p10`, title: `${op} duration, p10`, ...ns(metrics.taskNs[op], 'p10') },
      { id: `${op}.median`, title: `${op} duration, median`, ...ns(metrics.taskNs[op], 'median') },
      { id: `${op}.p90`, title: `${op} duration, p90`, ...ns(metrics.taskNs[op], 'p90') },
    ]),
    ...processorStates.map((state) => ({
      id: `share.${state}`,
      title: shareTitles[state],
      unit: 'share' as const,
      value: metrics.share[state],
    })),
    { id: 'gate', title: 'gate of a block, median', ...ns(metrics.latencyNs.gate, 'median') },
    {
      id: 'dispatch',
      title: 'dispatch of a block, median',
      ...ns(metrics.latencyNs.dispatch, 'median'),
    },
    { id: 'signal', title: 'signal flight, median', ...ns(metrics.latencyNs.signal, 'median') },
    {
      id: 'readyToCommitted',
      title: 'ready to committed, median',
      ...ns(metrics.latencyNs.readyToCommitted, 'median'),
    },
    {
      id: 'committedToStarted',
      title: 'committed to started, median',
      ...ns(metrics.latencyNs.committedToStarted, 'median'),
    },
  ];
}

function ns(
  samples: Distribution,
  quantile: 'p10' | 'median' | 'p90',
): { readonly unit: 'ns'; readonly value: number | null } {
  return { unit: 'ns', value: samples.count === 0 ? null : samples[quantile] };
}
