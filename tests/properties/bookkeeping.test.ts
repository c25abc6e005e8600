import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layoutFunctions } from '../../binding/index.ts';
import {
  processorQueueCapacity,
  subscriberQueueCapacity,
} from '../../sim/actors/queue-capacity.ts';
import { combineFlag, dispatchFlag, dispatchFlags, flagCount } from '../../sim/moe/heap.ts';
import { cellRowBlocks, gemm1Cols } from '../../sim/moe/shape.ts';
import { combineTasks, gemm0Tasks, gemm1Tasks, taskSpace } from '../../sim/moe/task.ts';
import { moderate, worlds } from './layout-worlds.ts';

/** A named run of words, [begin, end). */
interface Slice {
  readonly name: string;
  readonly begin: bigint;
  readonly end: bigint;
}

/** Names of the slices that overlap, leave a gap, or leave the allocation of `size` words. */
function faults(slices: readonly Slice[], size: bigint): string[] {
  const found: string[] = [];
  let at = 0n;
  for (const slice of slices.toSorted((a, b) => (a.begin < b.begin ? -1 : 1))) {
    if (slice.begin !== at) found.push(`${slice.name} begins at ${slice.begin}, not at ${at}`);
    at = slice.end;
  }
  if (at !== size) found.push(`slices end at ${at}, the allocation at ${size}`);
  return found;
}

const slice = (name: string, begin: number | bigint, count: number | bigint): Slice => ({
  name,
  begin: BigInt(begin),
  end: BigInt(begin) + BigInt(count),
});

describe('L3: bookkeeping slices are pairwise disjoint and fill their allocation', () => {
  test('flags: one slice a source, then one an expert', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s }) => {
        const tiles = cellRowBlocks(s) * gemm1Cols(s);
        const sources = Array.from({ length: s.ranks }, (_, p) =>
          slice(`flags of source ${p}`, dispatchFlag(s, p, 0), s.slots),
        );
        const experts = Array.from({ length: s.experts }, (_, e) =>
          slice(`combine flags of expert ${e}`, combineFlag(s, e, 0, 0), tiles),
        );
        expect(faults([...sources, ...experts], BigInt(flagCount(s)))).toEqual([]);
        expect(BigInt(dispatchFlags(s))).toBe(BigInt(s.ranks) * BigInt(s.slots));
      }),
    );
  });

  test('task indices: GEMM0, GEMM1, COMBINE', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s }) => {
        const gemm1 = gemm0Tasks(s);
        const combine = gemm1 + gemm1Tasks(s);
        const slices = [
          slice('GEMM0', 0, gemm0Tasks(s)),
          slice('GEMM1', gemm1, gemm1Tasks(s)),
          slice('COMBINE', combine, combineTasks(s)),
        ];
        expect(faults(slices, BigInt(taskSpace(s)))).toEqual([]);
      }),
    );
  });

  test('queue rings: a power of two each, and all entries of an epoch fit (L4)', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s }) => {
        const rowBlocks = s.ranks * s.slots * cellRowBlocks(s);
        for (const capacity of [subscriberQueueCapacity(s), processorQueueCapacity(s)]) {
          expect(capacity & (capacity - 1)).toBe(0);
          expect(capacity).toBeGreaterThanOrEqual(rowBlocks);
        }
      }),
    );
  });

  test('the oracle of these properties sees a slice that is one short', () => {
    expect(faults([slice('a', 0, 3), slice('b', 4, 2)], 6n)).toEqual(['b begins at 4, not at 3']);
  });

  test('the compiled headers give the same slices', () => {
    const layout = layoutFunctions();
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s }) => {
        expect(layout.flagCount(s)).toBe(BigInt(flagCount(s)));
        expect(layout.taskSpace(s)).toBe(BigInt(taskSpace(s)));
      }),
    );
  });
});
