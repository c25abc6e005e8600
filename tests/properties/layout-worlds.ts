/** Generators of shapes and placements, shared by the layout properties. */
import * as fc from 'fast-check';
import type { Shape } from '../../sim/moe/layout.ts';

export interface WorldCase {
  readonly shape: Shape;
  readonly expertsPerRank: readonly number[];
}

interface Bounds {
  readonly ranks: number;
  readonly slots: number;
  readonly blocks: number;
  readonly steps: number;
  readonly widths: number;
}

/** Small enough to enumerate every element of the heap. */
export const enumerable: Bounds = { ranks: 3, slots: 3, blocks: 2, steps: 2, widths: 4 };

/** Small enough to enumerate every cell and task. */
export const moderate: Bounds = { ranks: 6, slots: 9, blocks: 4, steps: 16, widths: 10 };

/** Worlds with unequal experts per rank, some with none, narrow last tiles, and any capacity. */
export function worlds(bounds: Bounds): fc.Arbitrary<WorldCase> {
  return fc
    .record({
      expertsPerRank: fc
        .array(fc.nat(bounds.slots), { minLength: 1, maxLength: bounds.ranks })
        .filter((held) => held.some((n) => n > 0)),
      blocks: fc.integer({ min: 1, max: bounds.blocks }),
      steps: fc.integer({ min: 1, max: bounds.steps }),
      hidden: fc.integer({ min: 1, max: bounds.widths }),
      intermediate: fc.integer({ min: 1, max: bounds.widths }),
      cols: fc.integer({ min: 1, max: 3 }),
      topK: fc.integer({ min: 1, max: 8 }),
      gated: fc.boolean(),
    })
    .map((w) => {
      const experts = w.expertsPerRank.reduce((a, b) => a + b);
      const tileRows = w.steps * 8;
      return {
        expertsPerRank: w.expertsPerRank,
        shape: {
          ranks: w.expertsPerRank.length,
          experts,
          slots: Math.max(...w.expertsPerRank),
          tokens: w.blocks * tileRows,
          hidden: w.hidden * 64,
          intermediate: w.intermediate * 64,
          topK: Math.min(w.topK, experts),
          capacity: w.blocks * tileRows,
          tileRows,
          tileCols: w.cols * 64,
          gated: w.gated,
        },
      };
    });
}

/** A world with the kept rows of one launch, `[source rank][global expert]`. */
export function loadedWorlds(
  bounds: Bounds,
): fc.Arbitrary<WorldCase & { readonly rows: number[][] }> {
  return worlds(bounds).chain((w) =>
    fc
      .array(
        fc.array(fc.oneof(fc.constant(0), fc.nat(w.shape.capacity)), {
          minLength: w.shape.experts,
          maxLength: w.shape.experts,
        }),
        { minLength: w.shape.ranks, maxLength: w.shape.ranks },
      )
      .map((rows) => ({ ...w, rows })),
  );
}

/** Shapes of any size whose every offset stays under 2^53. */
export const hugeShapes: fc.Arbitrary<Shape> = fc
  .record({
    ranks: fc.integer({ min: 1, max: 65536 }),
    slots: fc.integer({ min: 1, max: 4096 }),
    blocks: fc.integer({ min: 1, max: 65536 }),
    steps: fc.integer({ min: 1, max: 128 }),
    hidden: fc.integer({ min: 1, max: 4096 }),
    intermediate: fc.integer({ min: 1, max: 4096 }),
    cols: fc.integer({ min: 1, max: 16 }),
    gated: fc.boolean(),
  })
  .map((w) => ({
    ranks: w.ranks,
    experts: w.ranks * w.slots,
    slots: w.slots,
    tokens: w.blocks * w.steps * 8,
    hidden: w.hidden * 64,
    intermediate: w.intermediate * 64,
    topK: 1,
    capacity: w.blocks * w.steps * 8,
    tileRows: w.steps * 8,
    tileCols: w.cols * 64,
    gated: w.gated,
  }))
  .filter((s) => {
    const width = Math.max(s.hidden, s.intermediate);
    return BigInt(s.ranks) * 4n * BigInt(s.slots) * BigInt(s.capacity * width) < 2n ** 53n;
  });
