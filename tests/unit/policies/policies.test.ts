import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Op } from '../../../sim/moe/layout.ts';
import {
  fifo,
  gemm1First,
  interleave,
  lag,
  roundRobin,
  staticDecode,
} from '../../../sim/policies/index.ts';
import type { PolicyContext, SchedulingPolicy } from '../../../sim/policies/policy.ts';

function context(more: Partial<PolicyContext> = {}): PolicyContext {
  return {
    processors: 4,
    queues: 3,
    options: {},
    operation: (task) => (task < 100 ? Op.Gemm0 : task < 200 ? Op.Gemm1 : Op.Combine),
    announcedGemm0Tasks: () => undefined,
    ...more,
  };
}

function choices(policy: SchedulingPolicy): [task: number, processor: number][] {
  const chosen: [number, number][] = [];
  while (policy.choose()) chosen.push([policy.task, policy.processor]);
  return chosen;
}

function freeAll(policy: SchedulingPolicy, processors: number): void {
  for (let p = 0; p < processors; p++) policy.takeProcessor(p);
}

describe('fifo', () => {
  test('places the tasks of a hand in the order of its entries, on processors in the order they became free', () => {
    const policy = fifo.create(context());
    policy.takeEntry(0, 20, 2);
    policy.takeEntry(1, 10, 3);
    for (const p of [3, 0, 2]) policy.takeProcessor(p);
    expect(choices(policy)).toEqual([
      [20, 3],
      [21, 0],
      [10, 2],
    ]);
    freeAll(policy, 4);
    expect(choices(policy)).toEqual([
      [11, 0],
      [12, 1],
    ]);
  });

  test('wants the next hand when the last is used up', () => {
    const policy = fifo.create(context());
    expect(policy.wantsHand()).toBe(true);
    policy.takeEntry(2, 5, 2);
    freeAll(policy, 2);
    expect(policy.wantsHand()).toBe(false);
    policy.choose();
    expect(policy.wantsHand()).toBe(false);
    policy.choose();
    expect(policy.wantsHand()).toBe(true);
  });

  test('never leaves a processor free beside a task', () => {
    const entry = fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.nat(30), (entries, frees) => {
        const policy = fifo.create(context({ processors: 40 }));
        let offered = 0;
        for (const [queue, count] of entries) {
          policy.takeEntry(queue, offered, count);
          offered += count;
        }
        freeAll(policy, frees);
        expect(choices(policy).length).toBe(Math.min(frees, offered));
      }),
    );
  });
});

describe('round-robin', () => {
  test('deals tasks out in turn and keeps them there', () => {
    const policy = roundRobin.create(context());
    policy.takeEntry(0, 0, 6);
    policy.takeProcessor(1);
    expect(choices(policy)).toEqual([[1, 1]]);
    policy.takeProcessor(1);
    expect(choices(policy)).toEqual([[5, 1]]);
    // Tasks 0, 2, 3 and 4 wait for their own processors although this one is free.
    policy.takeProcessor(1);
    expect(choices(policy)).toEqual([]);
    expect(policy.waiting).toBe(4);
  });
});

describe('static', () => {
  test('runs a task on its index modulo the processors', () => {
    const policy = staticDecode.create(context());
    policy.takeEntry(2, 13, 3);
    freeAll(policy, 4);
    expect(choices(policy)).toEqual([
      [13, 1],
      [14, 2],
      [15, 3],
    ]);
  });
});

describe('lag', () => {
  test('holds GEMM1 and COMBINE until all announced GEMM0 tasks are in, then GEMM0 goes first', () => {
    const peers: { tasks?: number } = {};
    const policy = lag.create(context({ announcedGemm0Tasks: () => peers.tasks }));
    freeAll(policy, 4);
    policy.takeEntry(0, 0, 1);
    policy.takeEntry(1, 100, 1);
    policy.takeEntry(0, 200, 1);
    expect(choices(policy)).toEqual([[0, 0]]);
    peers.tasks = 2;
    expect(choices(policy)).toEqual([]);
    policy.takeEntry(0, 1, 1);
    expect(choices(policy)).toEqual([
      [1, 1],
      [100, 2],
      [200, 3],
    ]);
  });

  test('can let COMBINE go', () => {
    const policy = lag.create(context({ options: { holdCombine: false } }));
    freeAll(policy, 2);
    policy.takeEntry(0, 100, 1);
    policy.takeEntry(1, 200, 1);
    expect(choices(policy)).toEqual([[200, 0]]);
  });
});

describe('interleave', () => {
  test('gives a tile after a COMBINE and a COMBINE after a tile, GEMM1 before GEMM0', () => {
    const policy = interleave.create(context());
    policy.takeEntry(0, 0, 30);
    policy.takeEntry(1, 200, 3);
    policy.takeEntry(2, 100, 1);
    freeAll(policy, 2);
    expect(choices(policy)).toEqual([
      [200, 0],
      [201, 1],
    ]);
    freeAll(policy, 2);
    expect(choices(policy)).toEqual([
      [100, 0],
      [0, 1],
    ]);
    // One that a tile is due waits beside one that may take any: the COMBINE goes to the other.
    policy.takeEntry(1, 203, 2);
    freeAll(policy, 2);
    expect(choices(policy)).toEqual([
      [202, 0],
      [203, 1],
    ]);
    policy.takeProcessor(0);
    policy.takeProcessor(3);
    expect(choices(policy)).toEqual([
      [204, 3],
      [1, 0],
    ]);
  });

  test('does not put off the last two waves of GEMM0', () => {
    const policy = interleave.create(context());
    policy.takeEntry(0, 0, 9);
    policy.takeEntry(1, 100, 2);
    freeAll(policy, 4);
    expect(choices(policy)).toEqual([
      [100, 0],
      [101, 1],
      [0, 2],
      [1, 3],
    ]);
    policy.takeEntry(1, 110, 1);
    freeAll(policy, 4);
    expect(choices(policy)).toEqual([
      [2, 0],
      [3, 1],
      [4, 2],
      [5, 3],
    ]);
  });

  test('gives what there is when the other kind is missing', () => {
    const policy = interleave.create(context());
    policy.takeEntry(0, 200, 3);
    freeAll(policy, 1);
    expect(choices(policy)).toEqual([[200, 0]]);
    freeAll(policy, 1);
    expect(choices(policy)).toEqual([[201, 0]]);
    expect(policy.waiting).toBe(1);
  });
});

describe('gemm1-first', () => {
  test('serves GEMM1, then COMBINE, then GEMM0', () => {
    const policy = gemm1First.create(context());
    policy.takeEntry(0, 0, 1);
    policy.takeEntry(1, 200, 1);
    policy.takeEntry(2, 100, 1);
    freeAll(policy, 3);
    expect(choices(policy).map(([task]) => task)).toEqual([100, 200, 0]);
  });
});

describe.each([interleave, gemm1First])('$name', (definition) => {
  test('keeps a bounded number of entries and asks for more as they are placed', () => {
    const policy = definition.create(context());
    for (let entry = 0; entry < 224; entry++) policy.takeEntry(0, entry % 100, 1);
    expect(policy.wantsHand()).toBe(true);
    policy.takeEntry(0, 24, 1);
    expect(policy.wantsHand()).toBe(false);
    policy.takeProcessor(0);
    expect(policy.choose()).toBe(true);
    expect(policy.wantsHand()).toBe(true);
  });

  test('never leaves a processor free beside a task', () => {
    const entry = fc.tuple(fc.nat(29), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.nat(30), (entries, frees) => {
        const policy = definition.create(context({ processors: 40 }));
        const offered = entries.reduce((sum, [, count]) => sum + count, 0);
        for (const [place, count] of entries) policy.takeEntry(0, place * 10, count);
        freeAll(policy, frees);
        expect(choices(policy).length).toBe(Math.min(frees, offered));
      }),
    );
  });
});
