import type { CheckReport, MonitorResult } from '../check/report.ts';
import type { Comparison } from '../compare/compare.ts';
import { figures } from '../compare/figures.ts';
import type { Scenario } from '../moe/scenario.ts';
import { processorsOf } from '../trace/rank-actors.ts';
import type { Half } from './half.ts';
import { type Cell, cell, escapeHtml, table } from './html.ts';
import { pageStyle } from './page-style.ts';
import { errorText, figureText, launchList, timeText } from './units.ts';
import { verdictCounts } from './verdicts.ts';
import { worldLine } from './world-line.ts';

/** A half with its check report. */
export interface JudgedHalf {
  readonly half: Half;
  readonly check: CheckReport;
}

/** Everything a report shows. */
export interface ReportContent {
  readonly scenario: Scenario;
  readonly simulated: JudgedHalf;
  readonly measured: JudgedHalf | null;
  readonly comparison: Comparison | null;
  /** Why there is no measured half; empty where there is one. */
  readonly missing: string;
}

/** A figure as SVG text and what it shows. */
export interface PageFigure {
  readonly svg: string;
  readonly caption: string;
}

/** The report as one self-contained HTML page: no script, no request, readable in light and dark. */
export function reportPage(content: ReportContent, pictures: readonly PageFigure[]): string {
  const { scenario } = content;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kerneltwin: ${escapeHtml(scenario.name)}</title>
<style>${pageStyle()}</style>
</head>
<body><main>
<h1>${escapeHtml(scenario.name)}</h1>
${paragraph(scenario.description)}${paragraph(worldLine(scenario))}
${banner(content)}
${cards(content)}
<h2>${content.measured === null ? 'Figures' : 'Simulator against GPU'}</h2>
${launchesLine(content)}
${figuresTable(content)}
${workMismatches(content.comparison)}
<h2>Pictures</h2>
${pictures.map(({ svg, caption }) => picture(svg, caption)).join('\n')}
<h2>Checks</h2>
<p class="muted">Every invariant by its ID. Undecided means that the trace cannot show it; it does not count as held.</p>
${checksTable(content)}
${violations(content)}
<h2>Where this comes from</h2>
${provenance(content)}
<details><summary>Scenario</summary><pre>${escapeHtml(JSON.stringify(scenario, null, 2))}</pre></details>
</main></body>
</html>
`;
}

function paragraph(text: string): string {
  return text === '' ? '' : `<p class="muted">${escapeHtml(text)}</p>`;
}

function banner({ missing, comparison }: ReportContent): string {
  if (comparison === null) return `<div class="banner">${escapeHtml(missing)}</div>`;
  const { settings, taskSets } = comparison;
  const differ =
    settings.length === 0 ? '' : `The halves ran with different settings: ${settings.join('; ')}.`;
  const note = differ === '' ? '' : `<div class="banner">${escapeHtml(differ)}</div>`;
  if (taskSets.matched) return note;
  const count = taskSets.mismatchCount;
  return (
    note +
    `<div class="banner bad">The two halves did not do the same work (differences: ${count}).</div>`
  );
}

function cards(content: ReportContent): string {
  const { simulated, measured, comparison } = content;
  const items: (readonly [string, string, string])[] = [];
  const makespan = comparison?.errors.find((figure) => figure.id === 'makespan');
  items.push([
    'makespan, simulated',
    timeText(simulated.half.metrics.makespanNs.median),
    medianOf(simulated),
  ]);
  if (measured !== null) {
    items.push([
      'makespan, measured',
      timeText(measured.half.metrics.makespanNs.median),
      medianOf(measured),
    ]);
  }
  if (typeof makespan?.error === 'number') {
    items.push(['makespan error', errorText(makespan.error), '']);
  }
  for (const judged of [simulated, measured]) {
    if (judged === null) continue;
    items.push([
      `checks, ${judged.half.label}`,
      judged.check.clean ? 'clean' : 'violated',
      verdictCounts(judged.check),
    ]);
  }
  if (comparison !== null) {
    const { matched, tasks } = comparison.taskSets;
    items.push(['work', matched ? 'same' : 'different', `${tasks} tasks`]);
  }
  const html = items.map(
    ([name, value, note]) =>
      `<div class="card"><span>${escapeHtml(name)}</span><b>${escapeHtml(value)}</b><span>${escapeHtml(note)}</span></div>`,
  );
  return `<div class="cards">${html.join('\n')}</div>`;
}

function medianOf({ half }: JudgedHalf): string {
  const { length } = half.metrics.launches;
  return length === 1 ? 'one launch' : `median of ${length} launches`;
}

function launchesLine({ simulated, comparison }: ReportContent): string {
  const { launches, skippedWarmUp } = comparison ?? simulated.half.metrics;
  const skipped = skippedWarmUp ? '; the first launch, a warm-up, is left out' : '';
  const error = comparison === null ? '' : ' Error is (simulated \u2212 measured) / measured.';
  const text = `Figures are over launch ${launchList(launches)} of the scenario${skipped}.${error}`;
  return `<p class="muted">${escapeHtml(text)}</p>`;
}

function figuresTable({ simulated, comparison }: ReportContent): string {
  if (comparison === null) {
    const rows = figures(simulated.half.metrics).map(({ title, unit, value }) => [
      cell(title),
      cell(figureText(value, unit), 'num'),
    ]);
    return table(['figure', 'simulated'], rows);
  }
  const rows = comparison.errors.map(({ title, unit, simulated: ours, measured, error }) => [
    cell(title),
    cell(figureText(ours, unit), 'num'),
    cell(figureText(measured, unit), 'num'),
    cell(error === null ? '\u2013' : errorText(error), 'num'),
  ]);
  return table(['figure', 'simulated', 'measured', 'error'], rows);
}

function workMismatches(comparison: Comparison | null): string {
  if (comparison === null || comparison.taskSets.matched) return '';
  const { mismatches, mismatchCount } = comparison.taskSets;
  const rows = mismatches.map(({ launch, rank, message }) => [
    cell(String(launch), 'num'),
    cell(String(rank), 'num'),
    cell(message),
  ]);
  const more = `<p class="muted">${mismatches.length} of ${mismatchCount} differences.</p>`;
  return `<h2>Work that differs</h2>${table(['launch', 'rank', 'difference'], rows)}${more}`;
}

function picture(svg: string, caption: string): string {
  return `<figure>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function checksTable({ simulated, measured }: ReportContent): string {
  const theirs = new Map(measured?.check.monitors.map((monitor) => [monitor.id, monitor]));
  const rows = simulated.check.monitors.map((monitor) => {
    const cells = [cell(monitor.id), cell(monitor.title), verdict(monitor)];
    const other = theirs.get(monitor.id);
    return measured === null ? cells : [...cells, other ? verdict(other) : cell('not run')];
  });
  const head = [
    'ID',
    'invariant',
    'simulator',
    ...(measured === null ? [] : [measured.half.label]),
  ];
  return table(head, rows);
}

function verdict(monitor: MonitorResult): Cell {
  const reason = monitor.reason ? `: ${monitor.reason}` : '';
  if (monitor.verdict === 'violated' && !monitor.promised) {
    return cell(`refuted ${monitor.total} times, not promised${reason}`, 'undecided');
  }
  const times = monitor.verdict === 'violated' ? ` ${monitor.total} times` : '';
  return cell(`${monitor.verdict}${times}${reason}`, monitor.verdict);
}

function violations({ simulated, measured }: ReportContent): string {
  const rows = [simulated, measured].flatMap((judged) =>
    (judged?.check.monitors ?? []).flatMap((monitor) =>
      monitor.violations.map((violation) => [
        cell(judged?.half.label ?? ''),
        cell(violation.id),
        cell(String(violation.launch), 'num'),
        cell(timeText(violation.timeNs), 'num'),
        cell(`rank ${violation.rank}: ${violation.actors.join(', ')}`),
        cell(violation.message),
      ]),
    ),
  );
  if (rows.length === 0) return '';
  const head = ['half', 'ID', 'launch', 'time', 'actors', 'what happened'];
  return `<h2>Violations</h2>${table(head, rows)}`;
}

function provenance({ simulated, measured }: ReportContent): string {
  const halves = [simulated, measured].filter((judged) => judged !== null);
  const row = (name: string, value: (judged: JudgedHalf) => string): Cell[] => [
    cell(name),
    ...halves.map((judged) => cell(value(judged))),
  ];
  const header = (judged: JudgedHalf): JudgedHalf['half']['trace']['header'] =>
    judged.half.trace.header;
  return table(
    ['', ...halves.map((judged) => judged.half.label)],
    [
      row('producer', (one) => `${header(one).producer.name} ${header(one).producer.version}`),
      row('producer hash', (one) => header(one).producer.hash),
      row('scenario hash', (one) => header(one).scenarioHash),
      row('seed', (one) => String(header(one).seed)),
      row('policy', (one) => `${header(one).policy}, ${header(one).readiness} readiness`),
      row('machine', (one) => header(one).machine.name),
      row('blocks a rank', (one) =>
        header(one)
          .ranks.map((rank) => rank.blocks)
          .join(', '),
      ),
      row('processors a rank', (one) => header(one).ranks.map(processorsOf).join(', ')),
      row('events', (one) => String(one.half.trace.events.time.length)),
      row('lost events', (one) => String(header(one).lostEvents.reduce((a, b) => a + b, 0))),
      row('clock', (one) => {
        const { method, residualNs } = header(one).clock;
        return `${method}; residual ${residualNs.sameRank} ns on a rank, ${residualNs.crossRank} ns across`;
      }),
    ],
  );
}
