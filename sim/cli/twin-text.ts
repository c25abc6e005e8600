import { type FigureError, figureErrors } from '../compare/compare.ts';
import { figures } from '../compare/figures.ts';
import type { JudgedHalf } from '../report/page.ts';
import { errorText, figureText } from '../report/units.ts';
import { verdictCounts } from '../report/verdicts.ts';
import { worldLine } from '../report/world-line.ts';
import { violationsText } from './check-text.ts';
import { differencesText, launchesText } from './comparison-text.ts';
import { textTable } from './text-table.ts';
import type { TwinResult } from './twin-result.ts';

/** Figures that the summary prints; the report has all of them. */
const summary = new Set([
  'makespan',
  'utilisation',
  'residentUtilisation',
  'workConservationLoss',
  'GEMM0.median',
  'GEMM1.median',
  'COMBINE.median',
  'share.prologue',
  'share.scheduler',
  'share.network',
  'share.dependency',
  'share.no task',
]);

/** What a twin run found, for people: figures, work, checks, and where the report is. */
export function twinText(result: TwinResult): string {
  const { scenario, simulated, measured, comparison, missing, files } = result;
  const report = files.find((file) => file.endsWith('.html')) ?? '';
  const checks = [simulated, measured].filter((judged) => judged !== null).map(checksText);
  const work = comparison === null ? `${missing}\n` : differencesText(comparison);
  const source = measured === null ? '' : sourceText(measured, result.measuredFrom ?? 'live');
  return [
    `${scenario.name}: ${worldLine(scenario)}\n\n`,
    figuresText(result),
    `\n${launchesText(comparison ?? simulated.half.metrics)}\n`,
    source,
    work,
    ...checks,
    `report: ${report}\n`,
  ].join('');
}

function sourceText({ half }: JudgedHalf, from: string): string {
  const { source } = half.trace.header;
  if (source === 'gpu') return `GPU trace: ${from}\n`;
  return `trace of the ${half.label}, not a measurement of a GPU: ${from}\n`;
}

function figuresText({ simulated, comparison }: TwinResult): string {
  const { metrics } = simulated.half;
  if (comparison === null) {
    const rows = figures(metrics)
      .filter(({ id }) => summary.has(id))
      .map(({ title, unit, value }) => [title, figureText(value, unit), '\u2013', '\u2013']);
    return textTable(['figure', 'simulated', 'measured', 'error'], rows);
  }
  const rows = figureErrors(comparison.simulated, comparison.measured)
    .filter(({ id }) => summary.has(id))
    .map(errorRow);
  return textTable(['figure', 'simulated', 'measured', 'error'], rows);
}

function errorRow({ title, unit, simulated, measured, error }: FigureError): readonly string[] {
  const relative = error === null ? '\u2013' : errorText(error);
  return [title, figureText(simulated, unit), figureText(measured, unit), relative];
}

function checksText({ half, check }: JudgedHalf): string {
  const violations = check.clean ? '' : `\n${violationsText(check)}`;
  return `checks, ${half.label}: ${verdictCounts(check)}\n${violations}`;
}
