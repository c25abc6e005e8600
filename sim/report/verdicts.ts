import type { CheckReport, MonitorResult } from '../check/report.ts';

/** `23 held, 2 undecided (N1, T5)`, with violations first; what a run does not promise is counted apart. */
export function verdictCounts(report: CheckReport): string {
  const groups: readonly (readonly [string, (monitor: MonitorResult) => boolean, boolean])[] = [
    ['violated', (one) => one.verdict === 'violated' && one.promised, true],
    ['held', (one) => one.verdict === 'held', false],
    ['not promised and refuted', (one) => one.verdict === 'violated' && !one.promised, true],
    ['undecided', (one) => one.verdict === 'undecided', true],
  ];
  return groups
    .map(([name, belongs, named]) => {
      const ids = report.monitors.filter(belongs).map((one) => one.id);
      if (ids.length === 0) return '';
      return `${ids.length} ${name}${named ? ` (${ids.join(', ')})` : ''}`;
    })
    .filter((part) => part !== '')
    .join(', ');
}
