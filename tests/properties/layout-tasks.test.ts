import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  combineTask,
  combineTasks,
  decodeTask,
  gemm0Cols,
  gemm0Task,
  gemm0Tasks,
  gemm1Cols,
  gemm1Task,
  gemm1Tasks,
  Op,
  rowBlocks,
  rowSpan,
  rowStep,
  type Task,
  taskSpace,
} from '../../sim/moe/layout.ts';
import { placementFrom } from '../../sim/moe/placement.ts';
import {
  finalBound,
  initialBound,
  rankTasks,
  rowTilesBetween,
  surplus,
  taskCounts,
} from '../../sim/moe/task-set.ts';
import { hugeShapes, loadedWorlds, moderate, worlds } from './layout-worlds.ts';

describe('row blocks', () => {
  const rowsIn = worlds(moderate).chain(({ shape }) =>
    fc.record({ shape: fc.constant(shape), rows: fc.nat(shape.capacity) }),
  );

  test('partition the rows of a cell in order, none empty, none over the tile', () => {
    fc.assert(
      fc.property(rowsIn, ({ shape: s, rows }) => {
        let next = 0;
        const blocks = Math.ceil(rows / s.tileRows);
        expect(rowBlocks(s, rows)).toBe(blocks);
        for (let block = 0; block < blocks; block++) {
          const span = rowSpan(s, rows, block);
          expect(span.begin).toBe(next);
          expect(span.count).toBeGreaterThanOrEqual(1);
          expect(span.count).toBeLessThanOrEqual(s.tileRows);
          next += span.count;
        }
        expect(next).toBe(rows);
        expect(rowSpan(s, rows, blocks).count).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  test('begin at steps of 8, are even to within a step each, and their padding fits the cell (L6)', () => {
    fc.assert(
      fc.property(rowsIn, ({ shape: s, rows }) => {
        const blocks = rowBlocks(s, rows);
        for (let block = 0; block < blocks; block++) {
          const span = rowSpan(s, rows, block);
          expect(span.begin % rowStep).toBe(0);
          const padded = Math.ceil(span.count / rowStep) * rowStep;
          expect(span.begin + padded).toBeLessThanOrEqual(s.capacity);
          expect(span.count).toBeLessThan(rows / blocks + rowStep);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('257 rows in tiles of 256 become 136 + 121, not 256 + 1', () => {
    const s = { ...sample(), tileRows: 256, capacity: 512 };
    expect([rowSpan(s, 257, 0), rowSpan(s, 257, 1)]).toEqual([
      { begin: 0, count: 136 },
      { begin: 136, count: 121 },
    ]);
  });
});

function sample() {
  return fc.sample(worlds(moderate), { numRuns: 1, seed: 1 })[0]!.shape;
}

describe('task indices', () => {
  test('every task of the space decodes to what encodes it', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s }) => {
        const step = Math.max(1, Math.floor(taskSpace(s) / 2000));
        for (let index = 0; index < taskSpace(s); index += step) {
          expect(encode(s, decodeTask(s, index))).toBe(index);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('every (operation, peer, expert, block, column) encodes to an index that decodes to it', () => {
    fc.assert(
      fc.property(hugeShapes, fc.array(fc.nat(), { minLength: 5, maxLength: 5 }), (s, picks) => {
        fc.pre(taskSpace(s) <= Number.MAX_SAFE_INTEGER);
        const pick = (i: number, size: number): number => (picks[i] ?? 0) % size;
        const op = [Op.Gemm0, Op.Gemm1, Op.Combine][pick(0, 3)]!;
        const combine = op === Op.Combine;
        const task: Task = {
          op,
          peer: combine ? 0 : pick(1, s.ranks),
          expert: pick(2, combine ? s.experts : s.slots),
          block: pick(3, s.capacity / s.tileRows),
          col: pick(4, op === Op.Gemm0 ? gemm0Cols(s) : gemm1Cols(s)),
        };
        const index = encode(s, task);
        expect(decodeTask(s, index)).toEqual(task);
        const region = [0, gemm0Tasks(s), gemm0Tasks(s) + gemm1Tasks(s), taskSpace(s)];
        expect(index).toBeGreaterThanOrEqual(region[op]!);
        expect(index).toBeLessThan(region[op + 1]!);
      }),
      { numRuns: 1000 },
    );
  });

  test('indices outside the space are refused', () => {
    const s = sample();
    expect(gemm0Tasks(s) + gemm1Tasks(s) + combineTasks(s)).toBe(taskSpace(s));
    for (const index of [-1, taskSpace(s), 0.5]) {
      expect(() => decodeTask(s, index)).toThrow(`task ${index} is outside the task space [0, `);
    }
  });
});

function encode(s: Parameters<typeof decodeTask>[0], t: Task): number {
  if (t.op === Op.Gemm0) return gemm0Task(s, t.expert, t.peer, t.block, t.col);
  if (t.op === Op.Gemm1) return gemm1Task(s, t.expert, t.peer, t.block, t.col);
  return combineTask(s, t.expert, t.block, t.col);
}

describe('the task oracle', () => {
  test("a rank's tasks are those whose row block has rows, each once, ascending (S2)", () => {
    fc.assert(
      fc.property(loadedWorlds(moderate), ({ shape: s, expertsPerRank, rows }) => {
        const placement = placementFrom(expertsPerRank);
        let first = 0;
        expertsPerRank.forEach((held, rank) => {
          const tasks = rankTasks(s, placement, rows, rank);
          const expected = new Set<number>();
          // By asking every task of the space whether its row block has rows, not by enumerating cells.
          for (let index = 0; index < taskSpace(s); index++) {
            const t = decodeTask(s, index);
            const combine = t.op === Op.Combine;
            if (!combine && t.expert >= held) continue;
            const n = combine ? rows[rank]![t.expert]! : rows[t.peer]![first + t.expert]!;
            if (t.block * s.tileRows < n) expected.add(index);
          }
          expect([...tasks]).toEqual([...expected]);
          expect(taskCounts(s, placement, rows, rank).total).toBe(tasks.length);
          first += held;
        });
      }),
      { numRuns: 25 },
    );
  });

  test('the bound falls from every cell full to the number of tasks, by one surplus for each peer (T2)', () => {
    fc.assert(
      fc.property(loadedWorlds(moderate), ({ shape: s, expertsPerRank, rows }) => {
        const placement = placementFrom(expertsPerRank);
        for (let rank = 0; rank < s.ranks; rank++) {
          let bound = initialBound(s, placement, rows, rank);
          for (let peer = 0; peer < s.ranks; peer++) {
            const part = surplus(
              s,
              placement,
              rank,
              rowTilesBetween(s, placement, rows, peer, rank),
            );
            expect(part).toBeGreaterThanOrEqual(0);
            bound -= part;
          }
          expect(bound).toBe(finalBound(s, placement, rows, rank));
          expect(bound).toBe(rankTasks(s, placement, rows, rank).length);
        }
      }),
    );
  });

  test('GEMM1 tiles of all ranks are the COMBINE tiles of all ranks', () => {
    fc.assert(
      fc.property(loadedWorlds(moderate), ({ shape: s, expertsPerRank, rows }) => {
        const placement = placementFrom(expertsPerRank);
        const counts = rows.map((_, rank) => taskCounts(s, placement, rows, rank));
        const sum = (f: 'gemm1' | 'combine'): number => counts.reduce((n, c) => n + c[f], 0);
        expect(sum('gemm1')).toBe(sum('combine'));
      }),
    );
  });

  test('rows outside the table are refused', () => {
    const s = { ...sample(), ranks: 1, experts: 1, slots: 1 };
    expect(() => taskCounts(s, placementFrom([1]), [[]], 0)).toThrow(
      'no kept rows for source 0, expert 0',
    );
  });
});
