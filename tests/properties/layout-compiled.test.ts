/**
 * L1, L2, L5, L6 and L8 on the index functions compiled from the kernel's headers, against BigInt arithmetic, up to the
 * largest sizes the packets allow. An index map is injective because the oracle takes every index apart again. (L3 and L4:
 * bookkeeping.test.ts; L7 is a property of the transport: layout-peers.test.ts.)
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layoutFunctions } from '../../binding/index.ts';
import type { NativeShape } from '../../binding/layout.ts';

const L = layoutFunctions();

/** Sizes of any magnitude: as many small as huge ones. */
const size = (max: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.integer({ min: 0, max: Math.floor(Math.log2(max)) }), fc.nat(max - 1))
    .map(([bits, n]) => Math.max(1, Math.min(max, n % 2 ** (bits + 1))));

/** Shapes that the packets allow; nothing else bounds them, so element offsets pass 2^53. */
const legalShapes: fc.Arbitrary<NativeShape> = fc
  .record({
    ranks: size(1 << 16),
    slots: size(1 << 14),
    blocks: size(1 << 20),
    steps: size(1 << 14),
    hidden: size(1 << 20),
    intermediate: size(1 << 20),
    cols: size(1 << 16),
    topK: fc.integer({ min: 1, max: 8 }),
  })
  .map((w) => ({
    ranks: w.ranks,
    experts: Math.min(w.ranks * w.slots, 2 ** 31),
    slots: w.slots,
    tokens: Math.min(w.blocks * w.steps * 8, 2 ** 31),
    hidden: w.hidden * 64,
    intermediate: w.intermediate * 64,
    topK: w.topK,
    capacity: Math.min(w.blocks, Math.floor(2 ** 28 / (w.steps * 8))) * w.steps * 8,
    tileRows: w.steps * 8,
    tileCols: w.cols * 64,
  }))
  .filter((s) => s.capacity > 0 && L.packetLimits(s));

/** A number below `bound`, the ends as likely as the rest. */
const place = fc.record({ a: fc.nat(), b: fc.nat(), c: fc.nat(), d: fc.nat(), e: fc.nat() });
const pick = (n: number, bound: number): number =>
  n % 5 === 0 ? bound - 1 : n % 5 === 1 ? 0 : n % bound;

interface Corner {
  readonly source: number;
  readonly round: number;
  readonly stage: number;
  readonly slot: number;
  readonly row: number;
  readonly h: number;
}

const corners = fc
  .tuple(legalShapes, place, fc.nat(1), fc.nat(1))
  .map(([s, p, round, stage]): [NativeShape, Corner] => [
    s,
    {
      source: pick(p.a, s.ranks),
      round,
      stage,
      slot: pick(p.b, s.slots),
      row: pick(p.c, s.capacity),
      h: pick(p.d, s.hidden),
    },
  ]);

/** Takes a cell's index apart. */
function cellOf(s: NativeShape, cell: bigint): Omit<Corner, 'row' | 'h'> {
  const slots = BigInt(s.slots);
  const stage = (cell / slots) % 2n;
  const round = (cell / slots / 2n) % 2n;
  return {
    source: Number(cell / slots / 4n),
    round: Number(round),
    stage: Number(stage),
    slot: Number(cell % slots),
  };
}

/** Takes an element offset apart: row-major in the dispatch round, column tiles one after the other in the combine round. */
function elementOf(s: NativeShape, round: number, offset: bigint): Corner {
  const perCell = BigInt(s.capacity) * BigInt(s.hidden);
  const cell = cellOf(s, offset / perCell);
  const inside = offset % perCell;
  if (round === 0) {
    const hidden = BigInt(s.hidden);
    return { ...cell, row: Number(inside / hidden), h: Number(inside % hidden) };
  }
  const perTile = BigInt(s.capacity) * BigInt(s.tileCols);
  const col = inside / perTile;
  const begin = col * BigInt(s.tileCols);
  const rest = BigInt(s.hidden) - begin;
  const width = rest < BigInt(s.tileCols) ? rest : BigInt(s.tileCols);
  const inTile = inside % perTile;
  return { ...cell, row: Number(inTile / width), h: Number(begin + (inTile % width)) };
}

describe('compiled index functions, at any legal size', () => {
  test('L1, L2: an element offset names its source, round, stage, slot, row and column, and lies in the heap', () => {
    fc.assert(
      fc.property(corners, ([s, at]) => {
        const cell = L.cellIndex(s, at.source, at.round, at.stage, at.slot);
        const offset = (at.round === 0 ? L.dispatchOffset : L.combineOffset)(s, cell, at.row, at.h);
        expect(elementOf(s, at.round, offset)).toEqual(at);
        expect(offset < L.heapElements(s)).toBe(true);
        const elements = BigInt(s.ranks) * 4n * BigInt(s.slots) * BigInt(s.capacity);
        expect(L.heapElements(s)).toBe(elements * BigInt(s.hidden));
      }),
      { numRuns: 3000 },
    );
  });

  test('L6: a row at or past the kept ones stays in the rows of its cell', () => {
    fc.assert(
      fc.property(corners, ([s, at]) => {
        const cell = L.cellIndex(s, at.source, at.round, at.stage, at.slot);
        const row = L.heapRow(s, cell, at.row);
        expect(row / BigInt(s.capacity)).toBe(cell);
        expect(row < 1n << 32n).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('L2: an intermediate offset names its source, slot, row and column', () => {
    fc.assert(
      fc.property(legalShapes, place, (s, p) => {
        const at = [pick(p.a, s.ranks), pick(p.b, s.slots), pick(p.c, s.capacity)] as const;
        const i = pick(p.d, s.intermediate);
        const offset = L.intermediateOffset(s, ...at, i);
        const row = offset / BigInt(s.intermediate);
        const cell = row / BigInt(s.capacity);
        expect([cell / BigInt(s.slots), cell % BigInt(s.slots), row % BigInt(s.capacity)]).toEqual(
          at.map(BigInt),
        );
        expect(offset % BigInt(s.intermediate)).toBe(BigInt(i));
        expect(offset < L.intermediateElements(s)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('L2, L5: dispatch and combine flags are distinct, in the array, and found again', () => {
    fc.assert(
      fc.property(legalShapes, place, (s, p) => {
        const [source, slot] = [pick(p.a, s.ranks), pick(p.b, s.slots)];
        const blocks = L.cellRowBlocks(s);
        const cols = L.gemm1Cols(s);
        const [expert, block, col] = [pick(p.c, s.experts), pick(p.d, blocks), pick(p.e, cols)];
        const dispatch = BigInt(L.dispatchFlag(s, source, slot));
        const combine = BigInt(L.combineFlag(s, expert, block, col)) - BigInt(L.dispatchFlags(s));
        expect([dispatch / BigInt(s.slots), dispatch % BigInt(s.slots)]).toEqual(
          [source, slot].map(BigInt),
        );
        const tile = combine / BigInt(cols);
        expect([tile / BigInt(blocks), tile % BigInt(blocks), combine % BigInt(cols)]).toEqual(
          [expert, block, col].map(BigInt),
        );
        expect(dispatch < BigInt(L.dispatchFlags(s))).toBe(true);
        expect(combine + BigInt(L.dispatchFlags(s)) < L.flagCount(s)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('L8: every task fits its field and decodes to what it was made of', () => {
    fc.assert(
      fc.property(legalShapes, place, (s, p) => {
        const [slot, peer] = [pick(p.a, s.slots), pick(p.b, s.ranks)];
        const block = pick(p.c, L.cellRowBlocks(s));
        const tasks = [
          [0, L.gemm0Task(s, slot, peer, block, pick(p.d, L.gemm0Cols(s)))],
          [1, L.gemm1Task(s, slot, peer, block, pick(p.d, L.gemm1Cols(s)))],
        ] as const;
        for (const [op, task] of tasks) {
          const cols = op === 0 ? L.gemm0Cols(s) : L.gemm1Cols(s);
          const col = pick(p.d, cols);
          expect(L.decodeTask(s, task)).toEqual({ op, peer, expert: slot, block, col });
          expect(BigInt(task) < L.taskSpace(s)).toBe(true);
        }
        expect(L.taskSpace(s) < 1n << 28n).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
