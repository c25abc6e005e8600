import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cellIndex,
  cellRowBlocks,
  combineFlag,
  combineTask,
  decodeTask,
  dispatchFlag,
  gemm1Cols,
  gemm1Task,
  Round,
  Stage,
} from '../../sim/moe/layout.ts';
import { placementFrom } from '../../sim/moe/placement.ts';
import { gpuOf, isRemote } from '../../sim/moe/world.ts';
import { moderate, worlds } from './layout-worlds.ts';

describe('placement', () => {
  test('every expert has one home; home and globalExpert are inverse', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s, expertsPerRank }) => {
        const placement = placementFrom(expertsPerRank);
        const owners = expertsPerRank.flatMap((held, rank) =>
          Array.from({ length: held }, (_, slot) => ({ rank, slot })),
        );
        expect(owners.length).toBe(s.experts);
        owners.forEach((owner, expert) => {
          expect(placement.home(expert)).toEqual(owner);
          expect(placement.globalExpert(owner.rank, owner.slot)).toBe(expert);
        });
        expect(expertsPerRank.map((_, rank) => placement.localExperts(rank))).toEqual(
          expertsPerRank,
        );
      }),
    );
  });

  test("the kernel's binary search over the prefix sums finds the same home", () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s, expertsPerRank }) => {
        const placement = placementFrom(expertsPerRank);
        const { base } = placement;
        for (let expert = 0; expert < s.experts; expert++) {
          let lo = 0;
          let hi = s.ranks;
          while (hi - lo > 1) {
            const mid = Math.floor((lo + hi) / 2);
            if (base[mid]! <= expert) lo = mid;
            else hi = mid;
          }
          expect(placement.home(expert)).toEqual({ rank: lo, slot: expert - base[lo]! });
        }
      }),
    );
  });

  test('slots and experts that are not there are refused', () => {
    const placement = placementFrom([2, 0, 3]);
    expect(() => placement.globalExpert(1, 0)).toThrow('rank 1 holds 0 experts, not slot 0');
    expect(() => placement.globalExpert(0, 2)).toThrow('rank 0 holds 2 experts, not slot 2');
    expect(() => placement.home(5)).toThrow('index 5 is outside');
    expect(() => placement.home(-1)).toThrow('index -1 is outside');
  });
});

describe('L5: sender and receiver compute the same cell and flag', () => {
  test('dispatch: what a source writes for an expert is what its owner reads for (source, slot)', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape: s, expertsPerRank }) => {
        const placement = placementFrom(expertsPerRank);
        for (let source = 0; source < s.ranks; source++) {
          const written = new Map<string, number>();
          for (let expert = 0; expert < s.experts; expert++) {
            const { rank, slot } = placement.home(expert);
            const cell = cellIndex(s, source, Round.Dispatch, Stage.Incoming, slot);
            const place = `rank ${rank}, cell ${cell}, flag ${dispatchFlag(s, source, slot)}`;
            expect(written.has(place)).toBe(false);
            written.set(place, expert);
          }
          // The owner knows only how many experts each rank holds and counts its own.
          let expert = 0;
          expertsPerRank.forEach((held, rank) => {
            for (let slot = 0; slot < held; slot++, expert++) {
              const cell = ((source * 2 + 0) * 2 + 1) * s.slots + slot;
              const place = `rank ${rank}, cell ${cell}, flag ${source * s.slots + slot}`;
              expect(written.get(place)).toBe(expert);
            }
          });
        }
      }),
    );
  });

  test('combine: what an owner writes for GEMM1 is what the home reads for COMBINE', () => {
    fc.assert(
      fc.property(worlds(moderate), fc.nat(), ({ shape: s, expertsPerRank }, pick) => {
        const placement = placementFrom(expertsPerRank);
        const home = pick % s.ranks;
        expertsPerRank.forEach((held, owner) => {
          for (let slot = 0; slot < held; slot++) {
            const block = pick % cellRowBlocks(s);
            const col = pick % gemm1Cols(s);
            // The owner starts from its task index alone.
            const done = decodeTask(s, gemm1Task(s, slot, home, block, col));
            const expert = placement.globalExpert(owner, done.expert);
            const target = cellIndex(s, owner, Round.Combine, Stage.Incoming, done.expert);
            const flag = combineFlag(s, expert, done.block, done.col);
            expect(done.peer).toBe(home);
            // The home starts from the expert it sent rows to.
            const read = decodeTask(s, combineTask(s, expert, block, col));
            const from = placement.home(read.expert);
            expect(cellIndex(s, from.rank, Round.Combine, Stage.Incoming, from.slot)).toBe(target);
            expect(combineFlag(s, read.expert, read.block, read.col)).toBe(flag);
          }
        });
      }),
    );
  });
});

describe('L7: connectivity is symmetric', () => {
  const spread = fc
    .record({ gpus: fc.integer({ min: 1, max: 6 }), each: fc.integer({ min: 1, max: 6 }) })
    .map(({ gpus, each }) => ({ gpus, ranks: gpus * each, each }));

  test('A sees B as remote iff B sees A as remote, iff they are on different GPUs', () => {
    fc.assert(
      fc.property(spread, (world) => {
        const held = Array.from({ length: world.gpus }, () => 0);
        for (let a = 0; a < world.ranks; a++) {
          held[gpuOf(world, a)]! += 1;
          expect(isRemote(world, a, a)).toBe(false);
          for (let b = 0; b < world.ranks; b++) {
            expect(isRemote(world, a, b)).toBe(isRemote(world, b, a));
            const sameGpu = Math.floor(a / world.each) === Math.floor(b / world.each);
            expect(isRemote(world, a, b)).toBe(!sameGpu);
          }
        }
        expect(held.every((n) => n === world.each)).toBe(true);
      }),
    );
  });

  test('ranks outside the world are refused', () => {
    expect(() => gpuOf({ ranks: 4, gpus: 2 }, 4)).toThrow('expected a rank under 4, got 4');
    expect(() => gpuOf({ ranks: 4, gpus: 2 }, -1)).toThrow('expected a rank under 4, got -1');
  });
});
