import { round } from './figure.ts';

/** A coloured stretch of one row of a timeline, in ns. */
export interface Stretch<P extends string> {
  readonly paint: P;
  readonly begin: number;
  readonly end: number;
}

/** Most bars in one figure: some 20 bytes of SVG each. */
export const maxBars = 20_000;

/**
 * Merges neighbours of one colour that are closer than `gap` ns, so that no figure draws what no eye can part.
 * `stretches` of one row, ascending by begin.
 */
export function merged<P extends string>(
  stretches: readonly Stretch<P>[],
  gap: number,
): readonly Stretch<P>[] {
  const out: Stretch<P>[] = [];
  for (const next of stretches) {
    const last = out.at(-1);
    if (last !== undefined && last.paint === next.paint && next.begin - last.end <= gap) {
      out[out.length - 1] = { ...last, end: Math.max(last.end, next.end) };
    } else out.push(next);
  }
  return out;
}

/** Merges rows with the smallest gap, from a quarter of a pixel up, that leaves at most {@link maxBars} bars. */
export function fitBars<P extends string>(
  rows: readonly (readonly Stretch<P>[])[],
  nsPerPixel: number,
): readonly (readonly Stretch<P>[])[] {
  for (let gap = nsPerPixel / 4; ; gap *= 2) {
    const fitted = rows.map((row) => merged(row, gap));
    const count = fitted.reduce((sum, row) => sum + row.length, 0);
    if (count <= maxBars || gap > 1e15) return fitted;
  }
}

/** SVG path of one bar. One path element holds all bars of a colour: jsdom is slow with elements, not with text. */
export function barPath(x0: number, x1: number, y: number, height: number): string {
  const width = Math.max(0.3, x1 - x0);
  return `M${round(x0)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;
}
