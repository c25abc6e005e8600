import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { leadCopy, ringStages } from '../../../sim/machine/wgmma-ring.ts';

/** Columns, tokens and stages of every tile shape that the kernel is built with. */
function kernelTiles(): [number, number, number][] {
  const text = readFileSync('kernel/src/forward_wgmma.h', 'utf8');
  const tile = /using Tile\d+x\d+ = TileConfig<(\d+), (\d+), (\d+), \d+, \d+>;/g;
  return Array.from(text.matchAll(tile), ([, fragments, tokens, stages]) => [
    128 * Number(fragments),
    Number(tokens),
    Number(stages),
  ]);
}

describe('the ring of a wgmma processor', () => {
  test('has as many stages as the kernel gives it, for every tile shape', () => {
    const tiles = kernelTiles();
    expect(tiles.length).toBeGreaterThanOrEqual(6);
    for (const [cols, rows, stages] of tiles) {
      expect({ cols, rows, stages: ringStages(rows, cols) }).toEqual({ cols, rows, stages });
    }
  });

  test('the next tile follows the copy that the kernel says', () => {
    const ring = readFileSync('kernel/include/kerneltwin/gemm/wgmma_ring.cuh', 'utf8');
    const eighths = Number(/^#define KT_LEAD (\d)$/m.exec(ring)?.[1]);
    for (const steps of [1, 2, 3, 8, 32, 57]) {
      expect(leadCopy(steps)).toBe(Math.floor(((steps - 1) * eighths) / 8));
    }
  });
});
