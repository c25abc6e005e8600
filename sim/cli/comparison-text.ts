import type { Comparison } from '../compare/compare.ts';
import { figures } from '../compare/figures.ts';
import type { TraceMetrics } from '../compare/metrics.ts';
import { errorText, figureText, launchList } from '../report/units.ts';
import { textTable } from './text-table.ts';

/** Figures of both halves with their errors, what they are taken from, and whether the halves did the same work. */
export function comparisonText(comparison: Comparison): string {
  const rows = comparison.errors.map(({ title, unit, simulated, measured, error }) => [
    title,
    figureText(simulated, unit),
    figureText(measured, unit),
    error === null ? '\u2013' : errorText(error),
  ]);
  const table = textTable(['figure', 'simulated', 'measured', 'error'], rows);
  return `${table}\n${launchesText(comparison)}\n${differencesText(comparison)}`;
}

/** Whether the halves did the same work, and the settings in which they differ. */
export function differencesText(comparison: Comparison): string {
  const settings = comparison.settings.map((difference) => `different setting: ${difference}\n`);
  return `${settings.join('')}${workText(comparison)}`;
}

/** Figures of one half. */
export function metricsText(metrics: TraceMetrics, head: string): string {
  const rows = figures(metrics).map(({ title, unit, value }) => [title, figureText(value, unit)]);
  return `${textTable(['figure', head], rows)}\n${launchesText(metrics)}\n`;
}

/** Which launches figures are taken from. */
export function launchesText(figuresOf: {
  readonly launches: readonly number[];
  readonly skippedWarmUp: boolean;
}): string {
  const { launches, skippedWarmUp } = figuresOf;
  const skipped = skippedWarmUp ? ' (the first launch, a warm-up, is left out)' : '';
  return `figures over launch ${launchList(launches)} of the scenario${skipped}`;
}

function workText({ taskSets }: Comparison): string {
  const { matched, tasks, launches, mismatches, mismatchCount } = taskSets;
  if (matched) {
    return `same work: ${tasks} tasks of ${launches.length} launches ran on both, each once\n`;
  }
  const lines = mismatches.map(
    ({ launch, rank, message }) => `  launch ${launch}, rank ${rank}: ${message}`,
  );
  const more = mismatchCount - mismatches.length;
  if (more > 0) lines.push(`  ${more} more`);
  return `the halves did not do the same work (differences: ${mismatchCount})\n${lines.join('\n')}\n`;
}
