import { describe, expect, it } from 'vitest';
import { traceMetrics } from '../../../sim/compare/metrics.ts';
import { typicalPanels } from '../../../sim/report/build-report.ts';
import { durationsFigure } from '../../../sim/report/durations.ts';
import { frame } from '../../../sim/report/figure.ts';
import type { Half } from '../../../sim/report/half.ts';
import { timelineFigure } from '../../../sim/report/timeline.ts';
import { utilisationFigure } from '../../../sim/report/utilisation.ts';
import { besideLaunch, type HandEvent, handLaunch, handTrace } from '../compare/hand-trace.ts';
import { barExtents, xmlProblems } from './svg.ts';

function half(label: Half['label'], events: readonly HandEvent[]): Half {
  const trace = handTrace(events);
  return { label, trace, metrics: traceMetrics(trace) };
}

const simulator = half('simulator', handLaunch(0));
const gpu = half(
  'GPU',
  handLaunch(0).map(([time, ...rest]) => [time * 2, ...rest] as const),
);

/** Pixels from the left edge of the plot to a time, when the axis ends at `end`. */
function x(ns: number, end: number): number {
  const width = frame.width - frame.left - frame.right;
  return frame.left + (ns / end) * width;
}

describe('timeline', () => {
  it('draws every task where it ran', () => {
    const svg = timelineFigure(typicalPanels([simulator]));
    const [gemm0] = barExtents(svg, 'p-gemm0');
    expect(gemm0?.[0]).toBeCloseTo(x(200, 1000), 1);
    expect(gemm0?.[1]).toBeCloseTo(x(500, 1000), 1);
    expect(barExtents(svg, 'p-gemm1')).toHaveLength(1);
    expect(barExtents(svg, 'p-dispatch')).toHaveLength(2);
  });

  it('puts both halves on one time axis, from their first events', () => {
    const svg = timelineFigure(typicalPanels([simulator, gpu]));
    const starts = barExtents(svg, 'p-gemm0').map(([from]) => from);
    expect(starts[0]).toBeCloseTo(x(200, 2000), 1);
    expect(starts[1]).toBeCloseTo(x(400, 2000), 1);
    expect(svg.indexOf('simulator: ')).toBeLessThan(svg.indexOf('GPU: '));
  });

  it('says so when it shows only some processors', () => {
    const wide = Array.from({ length: 500 }, (_, block): HandEvent[] => [
      [0, 0, 0, block, 'DispatchBegin'],
      [100, 0, 0, block, 'DispatchEnd'],
    ]).flat();
    const trace = handTrace(
      wide.toSorted((a, b) => a[0] - b[0]),
      { ranks: [{ blocks: 501, subscribers: 1 }] },
    );
    const many: Half = { label: 'simulator', trace, metrics: traceMetrics(trace) };
    const svg = timelineFigure(typicalPanels([many]));
    expect(svg).toContain('500 processors, every 2nd shown');
    expect(barExtents(svg, 'p-dispatch')).toHaveLength(250);
  });
});

describe('timeline of a processor that ran a COMBINE beside tiles', () => {
  const beside = timelineFigure(typicalPanels([half('GPU', besideLaunch)]));
  /** `[from, height]` of the bars of a colour. */
  const bars = (paint: string): (readonly [number, number])[] =>
    [...beside.matchAll(new RegExp(`<path class="${paint}" d="([^"]*)"`, 'g'))].flatMap(([, d]) =>
      [...(d ?? '').matchAll(/M([\d.]+) [\d.]+h[\d.]+v([\d.]+)h/g)].map(
        ([, from, height]) => [Number(from), Number(height)] as const,
      ),
    );

  it('draws it whole, over the lower half of its row, after the tiles', () => {
    const [[from, height] = [0, 0]] = bars('p-combine');
    expect(from).toBeCloseTo(x(400, 1000), 1);
    expect(height).toBeCloseTo(bars('p-gemm0')[0]![1] / 2, 1);
    expect(barExtents(beside, 'p-combine')[0]?.[1]).toBeCloseTo(x(600, 1000), 1);
    expect(beside.indexOf('path class="p-combine"')).toBeGreaterThan(
      beside.indexOf('path class="p-gemm1"'),
    );
    expect(barExtents(beside, 'p-gemm0')).toHaveLength(1);
    expect(barExtents(beside, 'p-gemm1')).toHaveLength(1);
    expect(beside).toContain('the lower half of its row');
  });

  it('draws one beside nothing as high as any', () => {
    const alone = timelineFigure(typicalPanels([simulator]));
    expect(alone).not.toContain('lower half');
    expect(barExtents(alone, 'p-combine')).toHaveLength(1);
  });
});

describe('utilisation', () => {
  it('draws the share of every state that has one', () => {
    const svg = utilisationFigure([simulator], typicalPanels([simulator]));
    const width = frame.width - frame.left - frame.right;
    const [, drawn] = /<rect class="p-gemm0" x="[\d.]+" y="\d+" width="([\d.]+)"/.exec(svg) ?? [];
    expect(Number(drawn)).toBeCloseTo((300 / 2000) * width, 1);
    expect(svg).toContain('simulator, scheduler: 2.5 %');
  });
});

describe('durations', () => {
  it('names the median and how many tasks there were', () => {
    const svg = durationsFigure([simulator, gpu]);
    expect(svg).toContain('median 300 ns, p10 to p90 300 ns to 300 ns, 1 tasks');
    expect(svg).toContain('median 600 ns');
  });

  it('says so where no task of a kind ran', () => {
    const none = half(
      'GPU',
      handLaunch(0).filter((event) => event[6] !== 2 || !event[4].startsWith('Task')),
    );
    expect(durationsFigure([none])).toContain('no task of this kind ran');
  });
});

describe('every figure', () => {
  it.each([
    ['timeline', timelineFigure(typicalPanels([simulator, gpu]))],
    ['utilisation', utilisationFigure([simulator, gpu], typicalPanels([simulator, gpu]))],
    ['durations', durationsFigure([simulator, gpu])],
  ])('%s stands alone: well-formed, titled, themed, without requests', (_, svg) => {
    expect(xmlProblems(svg)).toEqual([]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain('<title>');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).not.toMatch(/<script|href|url\(|NaN|undefined|Infinity/);
  });
});
