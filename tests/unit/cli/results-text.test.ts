import { describe, expect, it } from 'vitest';
import { resultsText, type ScenarioOutcome } from '../../../sim/cli/results-text.ts';
import { compareTraces } from '../../../sim/compare/compare.ts';
import { traceMetrics } from '../../../sim/compare/metrics.ts';
import type { JudgedHalf } from '../../../sim/report/page.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { type HandEvent, handLaunch, handTrace } from '../compare/hand-trace.ts';

function judged(trace: Trace): JudgedHalf {
  const half = { label: 'simulator', trace, metrics: traceMetrics(trace) } as const;
  return { half, check: { monitors: [], clean: true } };
}

const simulated = handTrace(handLaunch(0));
const measured = handTrace(
  handLaunch(0).map(([time, ...rest]): HandEvent => [time * 2, ...rest]),
  { source: 'gpu', machine: { name: 'a GPU', facts: {} } },
);
const alone: ScenarioOutcome = {
  name: 'alone',
  world: 'one | rank',
  simulated: judged(simulated),
  measured: null,
  from: null,
  comparison: null,
};
const both: ScenarioOutcome = {
  ...alone,
  name: 'both',
  measured: judged(measured),
  from: 'traces/both',
  comparison: compareTraces(simulated, measured),
};

describe('results table', () => {
  const text = resultsText([alone, both]);

  it('has a row for every scenario, measured or not', () => {
    expect(text).toContain('1 of 2 scenarios have a trace recorded on a GPU');
    expect(text).toContain('| alone | 1.00 µs | not recorded | \u2013 |');
    expect(text).toContain('| both | 1.00 µs | 2.00 µs | \u221250.0 % |');
  });

  it('says whether the halves did the same work, and on which machine', () => {
    expect(text).toContain('| both | same, 3 tasks |');
    expect(text).toContain('| alone | not recorded |');
    expect(text).toMatch(/## Recorded on[\s\S]*\| both \| a GPU \|/);
  });

  it('keeps its columns where a cell has a bar', () => {
    expect(text).toContain('| one \\| rank |');
  });

  it('names different work instead of hiding it', () => {
    const other = handTrace(
      handLaunch(0).filter((event) => event[4] !== 'TaskFinished' || event[6] !== 2),
    );
    const comparison = compareTraces(simulated, other);
    expect(resultsText([{ ...both, comparison }])).toContain('| both | **different** (1) |');
  });
});
