import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { leadCopy, ringStages } from '../../../sim/machine/wgmma-ring.ts';

/** Columns, tokens, stages and blocks of every tile shape that the kernel is built with. */
function kernelTiles(): [number, number, number, number][] {
  const text = readFileSync('kernel/src/forward_wgmma.h', 'utf8');
  const tile = /using \w+ = TileConfig<(\d+), (\d+), (\d+), \d+, \d+(?:, (\d+))?>;/g;
  return Array.from(text.matchAll(tile), ([, fragments, tokens, stages, blocks = '1']) => [
    128 * Number(fragments) * Number(blocks),
    Number(tokens),
    Number(stages),
    Number(blocks),
  ]);
}

describe('the ring of a wgmma processor', () => {
  test('has as many stages as the kernel gives it, for every tile shape', () => {
    const tiles = kernelTiles();
    expect(tiles.length).toBeGreaterThanOrEqual(7);
    for (const [cols, rows, stages, blocks] of tiles) {
      const found = ringStages(rows, cols, blocks);
      expect({ cols, rows, stages: found }).toEqual({ cols, rows, stages });
    }
  });

  test('is the same for all tiles of pairs, which share a build', () => {
    const [[cols, rows, stages, blocks]] = kernelTiles().filter((tile) => tile[3] === 2) as [
      [number, number, number, number],
    ];
    expect(ringStages(rows, cols, blocks)).toBe(stages);
    expect(ringStages(72, 192, blocks)).toBe(stages);
  });

  test('the next tile follows the copy that the kernel says', () => {
    const ring = readFileSync('kernel/include/kerneltwin/gemm/wgmma_ring.cuh', 'utf8');
    const eighths = Number(/kLeadEighths = (\d);/.exec(ring)?.[1]);
    for (const steps of [1, 2, 3, 8, 32, 57]) {
      expect(leadCopy(steps)).toBe(Math.floor(((steps - 1) * eighths) / 8));
    }
  });
});
