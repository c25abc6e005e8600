import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ceilDiv,
  cellIndex,
  combineFlag,
  combineOffset,
  dispatchFlag,
  dispatchOffset,
  flagCount,
  heapCells,
  heapElements,
  heapRow,
  heapRows,
  intermediateElements,
  intermediateOffset,
  Round,
  type RoundCode,
  type Shape,
  Stage,
  type StageCode,
} from '../../sim/moe/layout.ts';
import { enumerable, hugeShapes, moderate, worlds } from './layout-worlds.ts';

/** Place of a tuple in the row-major order of a box: an oracle that knows only the order of the axes. */
function lexicographic(axes: readonly (readonly [digit: number, size: number])[]): bigint {
  return axes.reduce((before, [digit, size]) => before * BigInt(size) + BigInt(digit), 0n);
}

const cellAxes = (
  s: Shape,
  source: number,
  round: number,
  stage: number,
  slot: number,
): [number, number][] => [
  [source, s.ranks],
  [round, 2],
  [stage, 2],
  [slot, s.slots],
];

/** Elements of a cell before (row, h) when its column tiles lie one after the other, by counting. */
function elementsBefore(s: Shape, row: number, h: number): bigint {
  let before = 0n;
  let begin = 0;
  while (begin + s.tileCols <= h) {
    before += BigInt(s.capacity) * BigInt(s.tileCols);
    begin += s.tileCols;
  }
  const width = Math.min(s.tileCols, s.hidden - begin);
  return before + BigInt(row) * BigInt(width) + BigInt(h - begin);
}

const rounds: RoundCode[] = [Round.Dispatch, Round.Combine];
const stages: StageCode[] = [Stage.Outgoing, Stage.Incoming];

function eachCell(s: Shape, visit: (cell: number, round: RoundCode) => void): void {
  for (let source = 0; source < s.ranks; source++) {
    for (const round of rounds) {
      for (const stage of stages) {
        for (let slot = 0; slot < s.slots; slot++) {
          visit(cellIndex(s, source, round, stage, slot), round);
        }
      }
    }
  }
}

/** Marks an index of [0, size) as used; fails when it is outside or already used. */
function claim(used: Uint8Array, index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= used.length) {
    throw new Error(`index ${index} is outside [0, ${used.length})`);
  }
  if (used[index] === 1) throw new Error(`index ${index} is used twice`);
  used[index] = 1;
}

describe('L1: the heap index map is injective and in bounds', () => {
  test('every (source, round, stage, slot, row, h) has its own element, and no element is left', () => {
    fc.assert(
      fc.property(worlds(enumerable), ({ shape: s }) => {
        const used = new Uint8Array(heapElements(s));
        eachCell(s, (cell, round) => {
          const offset = round === Round.Dispatch ? dispatchOffset : combineOffset;
          for (let row = 0; row < s.capacity; row++) {
            for (let h = 0; h < s.hidden; h++) claim(used, offset(s, cell, row, h));
          }
        });
        expect(used.every((u) => u === 1)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('cells and rows are numbered in the order of the axes', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s }) => {
        const cells = new Uint8Array(heapCells(s));
        eachCell(s, (cell) => {
          claim(cells, cell);
          expect(heapRow(s, cell, s.capacity - 1)).toBeLessThan(heapRows(s));
        });
        expect(cells.every((u) => u === 1)).toBe(true);
      }),
    );
  });

  test('offsets equal the BigInt oracle up to 2^53 elements', () => {
    fc.assert(
      fc.property(hugeShapes, fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), (s, picks) => {
        const pick = (i: number, size: number): number => (picks[i] ?? 0) % size;
        const source = pick(0, s.ranks);
        const round = rounds[pick(1, 2)]!;
        const stage = stages[pick(2, 2)]!;
        const slot = pick(3, s.slots);
        const row = pick(4, s.capacity);
        const h = pick(5, s.hidden);
        const i = pick(5, s.intermediate);
        const cell = cellIndex(s, source, round, stage, slot);
        const axes = cellAxes(s, source, round, stage, slot);
        expect(BigInt(cell)).toBe(lexicographic(axes));
        expect(BigInt(heapRow(s, cell, row))).toBe(lexicographic([...axes, [row, s.capacity]]));
        expect(BigInt(dispatchOffset(s, cell, row, h))).toBe(
          lexicographic([...axes, [row, s.capacity], [h, s.hidden]]),
        );
        const cellElements = BigInt(s.capacity) * BigInt(s.hidden);
        expect(BigInt(combineOffset(s, cell, row, h))).toBe(
          lexicographic(axes) * cellElements + elementsBefore(s, row, h),
        );
        expect(BigInt(intermediateOffset(s, source, slot, row, i))).toBe(
          lexicographic([
            [source, s.ranks],
            [slot, s.slots],
            [row, s.capacity],
            [i, s.intermediate],
          ]),
        );
        expect(combineOffset(s, cell, row, h)).toBeLessThan(heapElements(s));
        expect(intermediateOffset(s, source, slot, row, i)).toBeLessThan(intermediateElements(s));
      }),
      { numRuns: 1000 },
    );
  });

  test('a column tile of a cell in the combine round is one contiguous run', () => {
    fc.assert(
      fc.property(worlds(enumerable), ({ shape: s }) => {
        const cell = heapCells(s) - 1;
        for (let begin = 0; begin < s.hidden; begin += s.tileCols) {
          const width = Math.min(s.tileCols, s.hidden - begin);
          const first = combineOffset(s, cell, 0, begin);
          for (let n = 0; n < s.capacity * width; n++) {
            const row = Math.floor(n / width);
            expect(combineOffset(s, cell, row, begin + (n % width))).toBe(first + n);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test('every flag has its own word, and no word is left', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s }) => {
        const used = new Uint8Array(flagCount(s));
        for (let source = 0; source < s.ranks; source++) {
          for (let slot = 0; slot < s.slots; slot++) claim(used, dispatchFlag(s, source, slot));
        }
        for (let expert = 0; expert < s.experts; expert++) {
          for (let block = 0; block < s.capacity / s.tileRows; block++) {
            for (let col = 0; col < ceilDiv(s.hidden, s.tileCols); col++) {
              claim(used, combineFlag(s, expert, block, col));
            }
          }
        }
        expect(used.every((u) => u === 1)).toBe(true);
      }),
    );
  });
});

describe('L6: padded rows stay inside their cell', () => {
  test('all rows of the capacity, also those past the kept ones, lie in the cell of their offset', () => {
    fc.assert(
      fc.property(worlds(enumerable), ({ shape: s }) => {
        const size = s.capacity * s.hidden;
        eachCell(s, (cell, round) => {
          const offset = round === Round.Dispatch ? dispatchOffset : combineOffset;
          for (let row = 0; row < s.capacity; row++) {
            for (const h of [0, s.hidden - 1]) {
              expect(Math.floor(offset(s, cell, row, h) / size)).toBe(cell);
            }
          }
        });
      }),
      { numRuns: 50 },
    );
  });
});
