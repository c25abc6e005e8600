import { onlineInvariants } from '../check/online/online.ts';
import { shareText, timeText } from '../report/units.ts';
import type { UntracedSummary } from './simulation.ts';
import { textTable } from './text-table.ts';

/** Figures and verdicts of a run without a trace. */
export function untracedText(summary: UntracedSummary): string {
  const { tasksOf } = summary;
  const count = (value: number): string => value.toLocaleString('en');
  const rows = [
    ['makespan', timeText(summary.makespanNs)],
    ['utilisation', shareText(summary.utilisation)],
    [
      'work conservation loss',
      timeText(summary.workConservationLossNs).replace(' ', ' processor-'),
    ],
    ['tasks finished', `${count(summary.tasks)} of ${count(summary.tasksInAll)}`],
    ['GEMM0, GEMM1, COMBINE', Object.values(tasksOf).map(count).join(', ')],
    ['records, events', `${count(summary.records)}, ${count(summary.events)}`],
    ['peak memory', `${(summary.peakBytes / 2 ** 30).toFixed(2)} GB`],
  ];
  return `${textTable(['figure', 'simulated'], rows)}\n${verdictText(summary)}`;
}

function verdictText(summary: UntracedSummary): string {
  const { violations, violationCount, rankLaunchesJudged, rankLaunches } = summary;
  const ids = Object.keys(onlineInvariants).join(', ');
  const judged = `${rankLaunchesJudged} of ${rankLaunches} launches of a rank judged to their end`;
  const rest = 'the other invariants need a trace: undecided\n';
  if (violationCount === 0) {
    const verdict = rankLaunchesJudged === rankLaunches ? 'held' : 'not violated so far';
    return `${ids} ${verdict} (${judged}); ${rest}`;
  }
  const lines = violations.map(
    ({ id, launch, rank, message }) => `  ${id}: launch ${launch}, rank ${rank}: ${message}`,
  );
  const more = violationCount - violations.length;
  if (more > 0) lines.push(`  ${more} more`);
  return `${violationCount} violations (${judged}); ${rest}${lines.join('\n')}\n`;
}
