import type { CheckContext } from './context.ts';
import type { Findings } from './findings.ts';
import { type SchedulerLatency, schedulerLatencies } from './latency.ts';
import type { Judgement } from './monitor.ts';
import { forEachGap, type slotPairing } from './work-conservation.ts';

/** Judges every gap of a pairing against the scheduler's own latency on that rank and launch. */
export function judgeGaps(
  context: CheckContext,
  findings: Findings,
  pairing: typeof slotPairing,
  limit: 'slotNs' | 'strictNs',
  processors: string,
): Judgement {
  let longest = 0;
  let widest = 0;
  const blind: string[] = [];
  for (const launch of context.launches) {
    const latencies = schedulerLatencies(context, launch);
    latencies.forEach((latency, rank) => {
      const idle = context.taskTotal(launch, rank) === 0;
      if (!latency && !idle) blind.push(`rank ${rank} in launch ${launch}`);
      widest = Math.max(widest, latency?.[limit] ?? 0);
    });
    forEachGap(context, launch, pairing, (gap) => {
      const latency: SchedulerLatency | undefined = latencies[gap.rank];
      const length = gap.toNs - gap.fromNs;
      longest = Math.max(longest, length);
      if (!latency || length <= latency[limit]) return;
      const what = `${gap.tasks} tasks and ${gap.processors} ${processors}`;
      findings.at(
        gap.row,
        `${what} waited ${length} ns without a commit, d is ${latency[limit]} ns`,
      );
    });
  }
  const note = `longest gap ${longest} ns, largest d ${widest} ns`;
  if (blind.length === 0) return { note };
  return { note, undecided: `no sweep was recorded by the scheduler of ${blind.join(', ')}` };
}
