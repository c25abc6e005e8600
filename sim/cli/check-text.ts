import type { CheckReport, MonitorResult, Violation } from '../check/report.ts';
import { timeText } from '../report/units.ts';
import { verdictCounts } from '../report/verdicts.ts';
import { textTable } from './text-table.ts';

/** A check report for people: one line an invariant, then every violation that was kept. */
export function checkText(name: string, report: CheckReport): string {
  const rows = report.monitors.map((monitor) => [monitor.id, verdictText(monitor), monitor.title]);
  const reasons = report.monitors
    .filter(({ reason }) => reason !== undefined)
    .map(({ id, reason }) => `${id}: ${reason}\n`);
  const verdicts = textTable(['ID', 'verdict', 'invariant'], rows, 'text');
  const notes = reasons.length === 0 ? '' : `${reasons.join('')}\n`;
  return `${verdicts}\n${notes}${violationsText(report)}${name}: ${verdictCounts(report)}\n`;
}

/** Every violation kept, with a line for those that were not. */
export function violationsText(report: CheckReport): string {
  const lines = report.monitors
    .filter((monitor) => monitor.promised)
    .flatMap((monitor) => {
      const more = monitor.total - monitor.violations.length;
      const rest = more > 0 ? [`${monitor.id}: ${more} more violations not shown`] : [];
      return [...monitor.violations.map(violationText), ...rest];
    });
  return lines.length === 0 ? '' : `${lines.join('\n')}\n\n`;
}

function violationText(violation: Violation): string {
  const { id, launch, timeNs, actors, rank, message } = violation;
  const who = actors.length === 0 ? `rank ${rank}` : actors.join(', ');
  return `${id} violated in launch ${launch} at ${timeText(timeNs)} (${timeNs} ns), ${who}: ${message}`;
}

function verdictText(monitor: MonitorResult): string {
  if (monitor.verdict !== 'violated') return monitor.verdict;
  const times = `violated x${monitor.total}`;
  return monitor.promised ? times : `${times}, not promised`;
}
