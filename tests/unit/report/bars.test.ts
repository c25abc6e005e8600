import { describe, expect, it } from 'vitest';
import { barPath, fitBars, maxBars, merged, type Stretch } from '../../../sim/report/bars.ts';

const bar = (paint: string, begin: number, end: number): Stretch<string> => ({ paint, begin, end });

describe('merging bars of a row', () => {
  it('joins neighbours of one colour closer than the gap', () => {
    expect(merged([bar('a', 0, 10), bar('a', 12, 20), bar('a', 30, 40)], 2)).toEqual([
      bar('a', 0, 20),
      bar('a', 30, 40),
    ]);
  });

  it('never joins over another colour', () => {
    const row = [bar('a', 0, 10), bar('b', 10, 11), bar('a', 11, 20)];
    expect(merged(row, 100)).toEqual(row);
  });

  it('leaves at most the bars a figure may hold, and all of them where they fit', () => {
    const row = Array.from({ length: 60_000 }, (_, i) => bar('a', i * 10, i * 10 + 5));
    const [fitted] = fitBars([row], 1);
    expect(fitted?.length).toBeLessThanOrEqual(maxBars);
    expect(fitted?.at(-1)?.end).toBe(row.at(-1)?.end);
    expect(fitBars([row.slice(0, 100)], 1)[0]).toHaveLength(100);
  });
});

describe('path of a bar', () => {
  it('is a closed rectangle', () => {
    expect(barPath(10, 30, 5, 4)).toBe('M10 5h20v4h-20z');
  });

  it('stays visible where it is thinner than a pixel', () => {
    expect(barPath(10, 10.001, 0, 2)).toBe('M10 0h0.3v2h-0.3z');
  });
});
