import { type ScaleLinear, scaleLinear } from 'd3';
import type { LaunchRows } from '../compare/launches.ts';
import { barPath, fitBars } from './bars.ts';
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
import { type ProcessorRow, processorRows } from './processor-rows.ts';
import { type Paint, paintClass } from './theme.ts';
import { timeUnit } from './units.ts';

/** Tallest drawing of one half, in pixels, and the shortest and tallest row. */
const panel = { height: 540, minRow: 2, maxRow: 14, gap: 34, rankGap: 5 };

const legend: readonly Paint[] = [
  'gate',
  'barrier',
  'dispatch',
  'GEMM0',
  'GEMM1',
  'COMBINE',
  'resident',
];

/** A half and the rows of the launch to draw. */
export interface TimelinePanel {
  readonly half: Half;
  readonly launch: LaunchRows;
}

/**
 * What every processor did over one launch: one row a processor, the simulator above the GPU, both from their first
 * event on one time axis. A COMBINE beside a tile is drawn over the lower half of its row. Rows are sampled evenly when they
 * would be thinner than two pixels.
 */
export function timelineFigure(panels: readonly TimelinePanel[]): string {
  const drawn = panels.map(({ half, launch }) => {
    const all = processorRows(half.trace, launch);
    const step = Math.max(1, Math.ceil((all.length * panel.minRow) / panel.height));
    const rows = all.filter((_, index) => index % step === 0);
    const fair = Math.floor(panel.height / rows.length);
    const height = Math.min(panel.maxRow, Math.max(panel.minRow, fair));
    const end = half.trace.events.time[launch.end - 1] ?? 0;
    const ranks = new Set(rows.map((row) => row.rank)).size;
    const total = rows.length * height + (ranks - 1) * panel.rankGap;
    return { half, rows, all: all.length, step, rowHeight: height, height: total, end };
  });
  const end = Math.max(1, ...drawn.map((one) => one.end));
  const heights = drawn.reduce((sum, one) => sum + one.height + panel.gap, 0);
  const title = `What the processors did: launch ${panels[0]?.launch.position ?? 0}`;
  const beside = drawn.some(({ rows }) => rows.some((row) => row.aside.length > 0));
  const figure = startFigure(title, description(drawn.length, beside), frame.top + heights + 52);
  const unit = timeUnit(end);
  const x = scaleLinear()
    .domain([0, end / unit.ns])
    .range([frame.left, frame.width - frame.right]);
  drawLegend(figure.svg, legend, 24);
  let y: number = frame.top;
  for (const one of drawn) {
    y += panel.gap - 8;
    drawPanelTitle(figure.svg, one, y - 8, unit);
    drawRows(figure, one.rows, one.rowHeight, y, x, unit.ns);
    y += one.height + 8;
  }
  drawAxis(figure.svg, x, y + 6, `time since the first event of the launch (${unit.name})`);
  return figure.text();
}

function description(halves: number, beside: boolean): string {
  const above =
    halves > 1 ? ' The simulator is above the GPU; both start at their first event.' : '';
  const aside = beside ? ' A COMBINE beside a tile is the lower half of its row.' : '';
  return `One row for each processor, coloured by what it does.${aside}${above}`;
}

function drawPanelTitle(
  svg: Node,
  one: { half: Half; all: number; step: number; end: number },
  y: number,
  unit: { name: string; ns: number },
): void {
  const sampled = one.step > 1 ? `, every ${ordinal(one.step)} shown` : '';
  const text = svg.append('text').attr('class', 'panel').attr('x', frame.left).attr('y', y);
  text.text(`${one.half.label}: ${(one.end / unit.ns).toPrecision(4)} ${unit.name}`);
  svg
    .append('text')
    .attr('class', 'muted')
    .attr('x', frame.width - frame.right)
    .attr('y', y)
    .attr('text-anchor', 'end')
    .text(`${one.all} processors${sampled}`);
}

function drawRows(
  figure: Figure,
  rows: readonly ProcessorRow[],
  height: number,
  top: number,
  x: ScaleLinear<number, number>,
  nsPerUnit: number,
): void {
  const nsPerPixel = nsPerUnit / (x(1) - x(0));
  // The bars of a row, and, in a row of their own, those aside: neighbours merge, and both are fitted together.
  const fitted = fitBars(
    [...rows.map((row) => [row.resident, ...row.work]), ...rows.map((row) => row.aside)],
    nsPerPixel,
  );
  const paths = new Map<Paint, string[]>();
  const aside: string[] = [];
  const space = height >= 6 ? 1 : height >= 4 ? 0.5 : 0;
  let ranks = 0;
  for (const [index, row] of rows.entries()) {
    if (index > 0 && rows[index - 1]?.rank !== row.rank) ranks++;
    const y = top + index * height + ranks * panel.rankGap;
    if (index === 0 || rows[index - 1]?.rank !== row.rank) drawRankLabel(figure.svg, row, y + 9);
    for (const bar of fitted[index] ?? []) {
      const list = paths.get(bar.paint) ?? [];
      list.push(barPath(x(bar.begin / nsPerUnit), x(bar.end / nsPerUnit), y, height - space));
      paths.set(bar.paint, list);
    }
    const half = (height - space) / 2;
    for (const bar of fitted[rows.length + index] ?? []) {
      aside.push(barPath(x(bar.begin / nsPerUnit), x(bar.end / nsPerUnit), y + half, half));
    }
  }
  for (const [paint, bars] of paths) {
    figure.svg.append('path').attr('class', paintClass(paint)).attr('d', bars.join(''));
  }
  // Last, so that it lies over the tiles.
  if (aside.length === 0) return;
  figure.svg.append('path').attr('class', paintClass('COMBINE')).attr('d', aside.join(''));
}

function drawRankLabel(svg: Node, row: ProcessorRow, y: number): void {
  svg
    .append('text')
    .attr('class', 'muted')
    .attr('x', frame.left - 8)
    .attr('y', round(y))
    .attr('text-anchor', 'end')
    .text(`rank ${row.rank}`);
}

function ordinal(n: number): string {
  const endings: Record<number, string> = { 2: '2nd', 3: '3rd' };
  return endings[n] ?? `${n}th`;
}
