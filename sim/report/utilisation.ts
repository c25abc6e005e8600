import { scaleLinear } from 'd3';
import type { LaunchRows } from '../compare/launches.ts';
import { processorStates, type StateStep, stateSteps } from '../compare/processor-time.ts';
import { worldOf } from '../compare/world.ts';
import {
  drawAxis,
  drawLegend,
  type Figure,
  frame,
  type Node,
  round,
  startFigure,
} from './figure.ts';
import type { Half } from './half.ts';
import { paintClass } from './theme.ts';
import type { TimelinePanel } from './timeline.ts';
import { shareText, timeUnit } from './units.ts';

const bar = { height: 30, gap: 14 };
const area = { height: 150, gap: 36 };
/** Columns of the area chart: two pixels each. */
const columns = 480;

/**
 * Where processor time goes: one bar a half with the shares of all judged launches, and below it how many processors
 * are in each state over one launch.
 */
export function utilisationFigure(
  halves: readonly Half[],
  panels: readonly TimelinePanel[],
): string {
  const barsHeight = halves.length * (bar.height + bar.gap);
  const areasHeight = panels.length * (area.height + area.gap);
  const height = frame.top + 26 + barsHeight + 34 + areasHeight + 18;
  const figure = startFigure(
    'Where processor time goes',
    'Stacked shares of processor time by state, over all judged launches and over one launch.',
    height,
  );
  drawLegend(figure.svg, processorStates, frame.top + 12);
  const barsTop = frame.top + 30;
  for (const [index, half] of halves.entries()) {
    drawShares(figure, half, barsTop + index * (bar.height + bar.gap));
  }
  const shares = scaleLinear()
    .domain([0, 100])
    .range([frame.left, frame.width - frame.right]);
  drawAxis(figure.svg, shares, barsTop + barsHeight - bar.gap + 4, '% of processor time');
  drawAreas(figure, panels, barsTop + barsHeight + 40);
  return figure.text();
}

function drawShares(figure: Figure, half: Half, y: number): void {
  const x = scaleLinear()
    .domain([0, 1])
    .range([frame.left, frame.width - frame.right]);
  rowLabel(figure.svg, half.label, y + 20);
  let from = 0;
  for (const state of processorStates) {
    const share = half.metrics.share[state];
    const [x0, x1] = [x(from), x(from + share)];
    from += share;
    if (share <= 0) continue;
    figure.svg
      .append('rect')
      .attr('class', paintClass(state))
      .attr('x', round(x0))
      .attr('y', y)
      .attr('width', round(x1 - x0))
      .attr('height', bar.height)
      .append('title')
      .text(`${half.label}, ${state}: ${shareText(share)}`);
    if (x1 - x0 < 46) continue;
    figure.svg
      .append('text')
      .attr('class', 'on-paint')
      .attr('x', round((x0 + x1) / 2))
      .attr('y', y + 19)
      .attr('text-anchor', 'middle')
      .text(shareText(share));
  }
}

function drawAreas(figure: Figure, panels: readonly TimelinePanel[], top: number): void {
  const ends = panels.map(({ half, launch }) => half.trace.events.time[launch.end - 1] ?? 0);
  const end = Math.max(1, ...ends);
  const unit = timeUnit(end);
  const x = scaleLinear()
    .domain([0, end / unit.ns])
    .range([frame.left, frame.width - frame.right]);
  for (const [index, { half, launch }] of panels.entries()) {
    const y = top + index * (area.height + area.gap);
    const total = worldOf(half.trace).processors.reduce((sum, count) => sum + count, 0);
    figure.svg
      .append('text')
      .attr('class', 'panel')
      .attr('x', frame.left)
      .attr('y', y - 6)
      .text(`${half.label}: ${total} processors of launch ${launch.position}`);
    const width = x(Math.max(1, ends[index] ?? 1) / unit.ns) - frame.left;
    drawStack(figure.svg, binned(half, launch, ends[index] ?? 0), total, y, width);
  }
  const bottom = top + panels.length * (area.height + area.gap) - area.gap + 4;
  drawAxis(figure.svg, x, bottom, `time since the first event of the launch (${unit.name})`);
}

/** Mean processors in each state, `[state][column]`, of all ranks. */
function binned(half: Half, launch: LaunchRows, end: number): readonly Float64Array[] {
  const bins = processorStates.map(() => new Float64Array(columns));
  const world = worldOf(half.trace);
  for (const rank of world.processors.keys()) {
    addSteps(bins, stateSteps(half.trace, world, launch, rank), end);
  }
  return bins;
}

function addSteps(bins: readonly Float64Array[], steps: readonly StateStep[], end: number): void {
  const width = Math.max(1, end) / columns;
  const columnOf = (time: number): number => Math.min(columns - 1, Math.floor(time / width));
  for (const [index, step] of steps.entries()) {
    const to = steps[index + 1]?.time ?? end;
    for (let column = columnOf(step.time); column <= columnOf(to); column++) {
      const from = Math.max(step.time, column * width);
      const until = column === columns - 1 ? to : Math.min(to, (column + 1) * width);
      const part = Math.max(0, until - from) / width;
      for (const [state, count] of step.processors.entries()) {
        const bin = bins[state];
        if (bin !== undefined) bin[column] = (bin[column] ?? 0) + count * part;
      }
    }
  }
}

/** One path a state; the first state, work last to leave, lies at the bottom. */
function drawStack(
  svg: Node,
  bins: readonly Float64Array[],
  total: number,
  top: number,
  width: number,
): void {
  const base = new Float64Array(columns);
  const scale = area.height / Math.max(1, total);
  for (const [state, name] of processorStates.entries()) {
    const bin = bins[state] ?? new Float64Array(columns);
    if (bin.every((count) => count === 0)) continue;
    const lower = [...base];
    for (let column = 0; column < columns; column++) {
      base[column] = (base[column] ?? 0) + (bin[column] ?? 0);
    }
    const edge = (values: ArrayLike<number>, column: number): number =>
      round(top + area.height - (values[column] ?? 0) * scale);
    const x = (column: number): number => round(frame.left + (column * width) / columns);
    const upper = Array.from({ length: columns }, (_, c) => `${x(c)} ${edge(base, c)}H${x(c + 1)}`);
    const under = Array.from({ length: columns }, (_, i) => {
      const c = columns - 1 - i;
      return `${x(c + 1)} ${edge(lower, c)}H${x(c)}`;
    });
    const path = `M${upper.join('L')}L${under.join('L')}z`;
    svg.append('path').attr('class', paintClass(name)).attr('d', path);
  }
}

function rowLabel(svg: Node, label: string, y: number): void {
  svg
    .append('text')
    .attr('class', 'panel')
    .attr('x', frame.left - 10)
    .attr('y', y)
    .attr('text-anchor', 'end')
    .text(label);
}
