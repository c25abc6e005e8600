import { describe, expect, it } from 'vitest';
import type { CheckReport, MonitorResult } from '../../../sim/check/report.ts';
import { compareTraces } from '../../../sim/compare/compare.ts';
import { traceMetrics } from '../../../sim/compare/metrics.ts';
import { buildReport } from '../../../sim/report/build-report.ts';
import type { JudgedHalf, ReportContent } from '../../../sim/report/page.ts';
import { verdictCounts } from '../../../sim/report/verdicts.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { type HandEvent, handLaunch, handTrace, smallestScenario } from '../compare/hand-trace.ts';
import { xmlProblems } from './svg.ts';

function monitor(id: MonitorResult['id'], verdict: MonitorResult['verdict']): MonitorResult {
  return { id, title: `title of ${id}`, verdict, promised: true, violations: [], total: 0 };
}

const violated: MonitorResult = {
  ...monitor('S3', 'violated'),
  total: 1,
  violations: [
    {
      id: 'S3',
      launch: 0,
      rank: 0,
      timeNs: 1500,
      actors: ['rank 0 processor 1'],
      message: 'GEMM1 before GEMM0 & <early>',
    },
  ],
};
const clean: CheckReport = {
  monitors: [
    monitor('S2', 'held'),
    { ...monitor('N1', 'undecided'), reason: 'no values in a trace' },
  ],
  clean: true,
};
const unclean: CheckReport = { monitors: [monitor('S2', 'held'), violated], clean: false };

const simulated = handTrace(handLaunch(0));
const measured = handTrace(
  handLaunch(0).map(([time, ...rest]): HandEvent => [time * 2, ...rest]),
  { source: 'gpu' },
);

function judged(label: 'simulator' | 'GPU', trace: Trace, check: CheckReport): JudgedHalf {
  return { half: { label, trace, metrics: traceMetrics(trace) }, check };
}

const alone: ReportContent = {
  scenario: { ...smallestScenario(1), description: '<b>bold</b> & "quoted"' },
  simulated: judged('simulator', simulated, clean),
  measured: null,
  comparison: null,
  missing: 'no recorded GPU trace for this scenario: the GPU half was not compared',
};
const both: ReportContent = {
  ...alone,
  measured: judged('GPU', measured, unclean),
  comparison: compareTraces(simulated, measured),
  missing: '',
};

describe('report page', () => {
  it('is one file without requests or scripts', () => {
    const page = buildReport(both)['report.html'];
    expect(page).not.toMatch(/<script|<link|<img|src=|@import/);
    expect(page.match(/<svg /g)).toHaveLength(3);
  });

  it('is balanced HTML', () => {
    const page = buildReport(both)['report.html'].replaceAll(/<meta[^>]*>|<!doctype html>/g, '');
    expect(xmlProblems(page)).toEqual([]);
  });

  it('says plainly that there is no GPU half, and shows no measured column', () => {
    const page = buildReport(alone)['report.html'];
    expect(page).toContain(alone.missing);
    expect(page).not.toContain('<th scope="col">measured</th>');
    expect(page).not.toContain('<th scope="col">GPU</th>');
  });

  it('shows figures of both halves with the error', () => {
    const page = buildReport(both)['report.html'];
    expect(page).toContain(
      '<td>makespan, median</td><td class="num">1.00 µs</td><td class="num">2.00 µs</td><td class="num">\u221250.0 %</td>',
    );
  });

  it('shows every verdict by its ID; undecided is not held', () => {
    const page = buildReport(both)['report.html'];
    expect(page).toContain('<td class="undecided">undecided: no values in a trace</td>');
    expect(page).toContain('<td>S3</td><td class="num">0</td><td class="num">1.50 µs</td>');
  });

  it('escapes what traces and scenarios say', () => {
    const page = buildReport(both)['report.html'];
    expect(page).toContain('&lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;');
    expect(page).toContain('GEMM1 before GEMM0 &amp; &lt;early&gt;');
  });

  it('says when the halves did different work', () => {
    const other = handTrace(
      handLaunch(0).filter((event) => event[4] !== 'TaskFinished' || event[6] !== 2),
    );
    const comparison = compareTraces(simulated, other);
    const page = buildReport({ ...both, comparison })['report.html'];
    expect(page).toContain('The two halves did not do the same work (differences: 1).');
    expect(page).toContain('COMBINE(expert 0, row block 0, column 0) ran 1x simulated');
  });
});

describe('verdicts in a line', () => {
  it('counts undecided apart from held and names it', () => {
    expect(verdictCounts(clean)).toBe('1 held, 1 undecided (N1)');
  });

  it('puts violations first', () => {
    expect(verdictCounts(unclean)).toBe('1 violated (S3), 1 held');
  });

  it('counts what a run does not promise apart', () => {
    const w2 = { ...monitor('W2', 'violated'), promised: false };
    expect(verdictCounts({ monitors: [w2], clean: true })).toBe('1 not promised and refuted (W2)');
  });
});
