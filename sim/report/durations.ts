import { type ScaleLinear, scaleLinear } from 'd3';
import { distribution } from '../compare/distribution.ts';
import { launchRows } from '../compare/launches.ts';
import { type OpName, ops, taskSpans } from '../compare/task-spans.ts';
import { worldOf } from '../compare/world.ts';
import { drawAxis, frame, type Node, round, startFigure } from './figure.ts';
import type { Half } from './half.ts';
import { paintClass } from './theme.ts';
import { type TimeUnit, timeText, timeUnit } from './units.ts';

const row = { height: 52, gap: 24, opGap: 58 };
const bins = 120;

/**
 * How long tasks take: for each operation one histogram a half on a common time axis, each scaled to its own fullest
 * bin, with the median marked.
 */
export function durationsFigure(halves: readonly Half[]): string {
  const perOp = halves.length * (row.height + row.gap) + row.opGap;
  const figure = startFigure(
    'How long tasks take',
    'Histograms of task durations by operation and half, with their medians.',
    frame.top + ops.length * perOp + 10,
  );
  const samples = halves.map((half) => durationsByOp(half));
  for (const [index, op] of ops.entries()) {
    drawOp(
      figure.svg,
      op,
      halves.map((half, i) => ({ label: half.label, ns: samples[i]?.get(op) ?? [] })),
      frame.top + 26 + index * perOp,
    );
  }
  return figure.text();
}

interface Samples {
  readonly label: string;
  readonly ns: readonly number[];
}

function durationsByOp(half: Half): Map<OpName, number[]> {
  const world = worldOf(half.trace);
  const chosen = new Set(half.metrics.launches);
  const byOp = new Map<OpName, number[]>(ops.map((op) => [op, []]));
  for (const launch of launchRows(half.trace)) {
    if (!chosen.has(launch.position)) continue;
    for (const span of taskSpans(half.trace, world, launch)) {
      byOp.get(span.op)?.push(span.finished - span.started);
    }
  }
  return byOp;
}

function drawOp(svg: Node, op: OpName, halves: readonly Samples[], top: number): void {
  const longest = Math.max(
    ...halves.map(({ ns }) => ns.reduce((max, one) => Math.max(max, one), 0)),
  );
  const end = Math.max(1, longest * 1.04);
  const unit = timeUnit(end);
  const x = scaleLinear()
    .domain([0, end / unit.ns])
    .range([frame.left, frame.width - frame.right]);
  svg
    .append('text')
    .attr('class', 'panel')
    .attr('x', 16)
    .attr('y', top - 4)
    .text(op);
  for (const [index, half] of halves.entries()) {
    const y = top + index * (row.height + row.gap);
    drawHistogram(svg, op, half, y, x, unit, end);
  }
  const bottom = top + halves.length * (row.height + row.gap) - row.gap + 2;
  drawAxis(svg, x, bottom, `started to finished (${unit.name})`);
}

function drawHistogram(
  svg: Node,
  op: OpName,
  half: Samples,
  top: number,
  x: ScaleLinear<number, number>,
  unit: TimeUnit,
  end: number,
): void {
  const bottom = top + row.height;
  const label = svg.append('text').attr('class', 'muted').attr('text-anchor', 'end');
  label
    .attr('x', frame.left - 10)
    .attr('y', bottom - 4)
    .text(half.label);
  svg
    .append('path')
    .attr('class', 'rule')
    .attr('d', `M${frame.left} ${bottom}H${frame.width - frame.right}`);
  if (half.ns.length === 0) {
    const none = svg.append('text').attr('class', 'muted');
    none
      .attr('x', frame.left + 8)
      .attr('y', bottom - 8)
      .text('no task of this kind ran');
    return;
  }
  const counts = new Float64Array(bins);
  for (const ns of half.ns) {
    const bin = Math.min(bins - 1, Math.floor((ns / end) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const fullest = counts.reduce((max, count) => Math.max(max, count), 1);
  const left = (bin: number): number => round(x((bin * end) / bins / unit.ns));
  const bars = [...counts].map((count, bin) => {
    if (count === 0) return '';
    const height = Math.max(1, (count / fullest) * row.height);
    return `M${left(bin)} ${bottom}v${round(-height)}H${left(bin + 1)}V${bottom}z`;
  });
  svg.append('path').attr('class', paintClass(op)).attr('d', bars.join(''));
  drawMedian(svg, half, top, x, unit);
}

function drawMedian(
  svg: Node,
  half: Samples,
  top: number,
  x: ScaleLinear<number, number>,
  unit: TimeUnit,
): void {
  const summary = distribution(half.ns);
  const at = round(x(summary.median / unit.ns));
  svg
    .append('path')
    .attr('class', 'mark')
    .attr('d', `M${at} ${top - 3}V${top + row.height}`);
  const [p10, median, p90] = [summary.p10, summary.median, summary.p90].map(timeText);
  const wide = at > frame.width - 330;
  svg
    .append('text')
    .attr('x', at + (wide ? -6 : 6))
    .attr('y', top - 7)
    .attr('text-anchor', wide ? 'end' : 'start')
    .text(`median ${median}, p10 to p90 ${p10} to ${p90}, ${summary.count} tasks`);
}
