import { axisBottom, type BaseType, type NumberValue, type ScaleLinear, type Selection } from 'd3';
import { D3Node } from 'd3-node';
import { figureStyle, type Paint, paintClass, paintLabels } from './theme.ts';

/** Any element of a figure under construction. */
export type Node = Selection<BaseType, unknown, null, undefined>;

/** An SVG under construction, with its title and background drawn. */
export interface Figure {
  readonly svg: Node;
  /** The finished SVG: stands alone as a file and inside a page. */
  text(): string;
}

/** Widths and margins that all figures share, in pixels, so that their time axes line up in the page. */
export const frame = { width: 1080, left: 96, right: 24, top: 40 } as const;

/** Starts a figure. `description` is what a screen reader says. */
export function startFigure(title: string, description: string, height: number): Figure {
  const d3n = new D3Node();
  const svg = d3n.createSVG(frame.width, height);
  svg
    .attr('viewBox', `0 0 ${frame.width} ${height}`)
    .attr('class', 'kt')
    .attr('role', 'img')
    .attr('aria-label', title);
  svg.append('title').text(title);
  svg.append('desc').text(description);
  svg.append('style').text(figureStyle());
  svg.append('rect').attr('class', 'paper').attr('width', frame.width).attr('height', height);
  svg.append('text').attr('class', 'title').attr('x', 16).attr('y', 24).text(title);
  return { svg, text: () => d3n.svgString() };
}

/** Legend in one line that ends at the right margin. */
export function drawLegend(svg: Node, paints: readonly Paint[], y: number): void {
  const widths = paints.map((paint) => 32 + textWidth(paintLabels[paint]));
  let x = frame.width - frame.right - widths.reduce((sum, width) => sum + width, 0);
  for (const [index, paint] of paints.entries()) {
    const item = svg.append('g').attr('transform', `translate(${round(x)},${y})`);
    item
      .append('rect')
      .attr('class', paintClass(paint))
      .attr('width', 11)
      .attr('height', 11)
      .attr('y', -10)
      .attr('rx', 2);
    item.append('text').attr('x', 16).text(paintLabels[paint]);
    x += widths[index] ?? 0;
  }
}

/** Bottom axis with its label under the right end. */
export function drawAxis(
  svg: Node,
  scale: ScaleLinear<number, number>,
  y: number,
  label: string,
  format?: (value: NumberValue) => string,
): void {
  const axis = axisBottom(scale).ticks(10).tickSizeOuter(0);
  if (format !== undefined) axis.tickFormat(format);
  const group = svg.append('g').attr('transform', `translate(0,${y})`);
  group.call(axis);
  group.attr('font-family', null).attr('font-size', null);
  svg
    .append('text')
    .attr('class', 'muted')
    .attr('x', frame.width - frame.right)
    .attr('y', y + 34)
    .attr('text-anchor', 'end')
    .text(label);
}

/** Two decimals are a hundredth of a pixel: enough, and files stay small. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Width of a label in pixels, guessed from above: figures are drawn where no font can be measured. */
function textWidth(label: string): number {
  const capitals = label.replaceAll(/[^A-Z0-9]/g, '').length;
  return 6.4 * label.length + 2.2 * capitals;
}
