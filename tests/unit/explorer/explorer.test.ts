import { describe, expect, test } from 'vitest';
import { loadExplorer } from '../../../binding/explore.ts';
import { checkTrace } from '../../../sim/check/check-trace.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { compareRun } from '../../../sim/verify/differential/compare.ts';
import { blindWorld } from '../../../sim/verify/mutants/blind-world.ts';
import { traceOfRun } from '../../../sim/verify/trace-of-run.ts';
import {
  crowded,
  fourEpochs,
  nativeConfig,
  twelveTasks,
  type WorldSpec,
} from '../../../sim/verify/world-spec.ts';

const addon = loadExplorer();
const { ExploredWorld, litmus, litmusNames } = addon;

const sc = (spec: WorldSpec): WorldSpec => ({ ...spec, model: 'sc' });
/** One epoch without rows: the smallest world of two ranks. */
const silent = sc({ ...fourEpochs, rows: [fourEpochs.rows[2] ?? []] });
/** One epoch with one row. */
const oneRow = sc({ ...fourEpochs, rows: [fourEpochs.rows[0] ?? []] });

/** Rows for experts on both sides of a warp's width and of the number of experts whose arrivals travel together. */
const manyExperts: WorldSpec = {
  ...crowded,
  tokens: 8,
  hidden: 64,
  intermediate: 64,
  expertsPerRank: [70, 70],
  rows: [0, 1].map((epoch) =>
    [0, 1].map((rank) => {
      const used = new Set([0, 32, 33, 64, 100, 127, 128, 139]);
      const keeps = (e: number): boolean => used.has(e) && (e + epoch + rank) % 3 > 0;
      return Array.from({ length: 140 }, (_, e) => (keeps(e) ? 2 : 0));
    }),
  ),
};

describe('the arrivals at the cells of more experts than travel together', () => {
  const world = new ExploredWorld(nativeConfig(manyExperts));

  test.each(['random', 'pct'] as const)('hold every invariant in %s schedules', (strategy) => {
    expect(world.batch({ strategy, seed: 7, runs: 20 }).failures).toEqual([]);
  });

  test('are made step by step as the mirror makes them', () => {
    for (let index = 0; index < 5; index++) {
      expect(compareRun(manyExperts, 7, index, addon).divergence?.timelines).toBeUndefined();
    }
  });

  test('are recorded in the order of the experts, in a trace that the monitors find clean', () => {
    const run = world.run({ strategy: 'random', seed: 7, keepEvents: true });
    const { events } = run;
    const arrivals = new Map<string, number[]>();
    for (const [i, kind] of events.kind.entries()) {
      if (kind !== EventKind.CellArrive) continue;
      const actor = `${events.launch[i]}/${events.rank[i]}/${events.actor[i]}`;
      arrivals.set(actor, [...(arrivals.get(actor) ?? []), events.a[i] ?? 0]);
    }
    expect(arrivals.size).toBe(8);
    for (const experts of arrivals.values()) {
      expect(experts).toEqual(experts.toSorted((x, y) => x - y));
      expect(new Set(experts).size).toBe(experts.length);
    }
    const report = checkTrace(traceOfRun(manyExperts, events, 7));
    const violated = report.monitors.filter((m) => m.verdict === 'violated');
    expect(violated.map((m) => [m.id, m.violations[0]?.message])).toEqual([]);
  });
});

describe('an explored world', () => {
  test('runs twelve tasks with six actors', () => {
    const run = new ExploredWorld(nativeConfig(twelveTasks)).run({
      strategy: 'random',
      seed: 1,
      keepEvents: true,
    });
    const consumed = 15;
    expect(run.failure).toBeNull();
    expect(run.events.kind.filter((kind) => kind === consumed)).toHaveLength(12);
  });

  test('takes a choice sequence of any length and content', () => {
    const world = new ExploredWorld(nativeConfig(crowded));
    for (const choices of [new Uint32Array(0), new Uint32Array(50).fill(4_294_967_295)]) {
      expect(world.run({ strategy: 'replay', choices }).failure).toBeNull();
    }
  });

  // Both were once taken for livelocks: an actor that must read the newest the next time stood in a state that seemed to have
  // come back, and so did one that began to poll before anybody had made an access.
  test.each([167, 197])('may run for very long and end: world %i', (seed) => {
    const world = new ExploredWorld(nativeConfig(blindWorld(seed)));
    const runs = Array.from({ length: 4 }, (_, index) =>
      world.run({ strategy: 'pct', seed, index }),
    );
    expect(runs.map((run) => run.failure)).toEqual([null, null, null, null]);
    // Where a run begins to be watched for states that come back.
    expect(Math.max(...runs.map((run) => run.steps))).toBeGreaterThan(65_536);
  });

  test('repeats a run of a batch by its number', () => {
    const world = new ExploredWorld(nativeConfig(crowded));
    const batch = world.batch({ strategy: 'random', seed: 9, first: 41, runs: 1 });
    expect(world.run({ strategy: 'random', seed: 9, index: 41 }).steps).toBe(batch.steps);
  });

  test.each([
    ['too many actors', { processors: 70 }, /more than 64 actors/],
    [
      'rows over the capacity',
      {
        rows: [
          [
            [99, 0, 0],
            [0, 0, 0],
          ],
        ],
      },
      /more rows than the capacity/,
    ],
    ['a width that is no multiple of 64', { hidden: 100 }, /multiples of 64/],
    ['no expert on a rank', { expertsPerRank: [0, 3] }, /at least one expert/],
  ])('refuses %s', (_what, change, message) => {
    const spec: WorldSpec = { ...crowded, ...change };
    expect(() => new ExploredWorld(nativeConfig(spec))).toThrow(message);
  });
});

describe('the exhaustive search', () => {
  test('proves a world of two ranks', () => {
    const result = new ExploredWorld(nativeConfig(oneRow)).search({ maxStates: 1_000_000 });
    expect(result).toMatchObject({ complete: true, failure: null });
    expect(result.states).toBeGreaterThan(1000);
  });

  test('loses no final state by its reduction', () => {
    const small = sc({
      ...twelveTasks,
      processors: 1,
      hidden: 64,
      intermediate: 64,
      rows: [[[1, 0]]],
    });
    for (const spec of [
      small,
      { ...small, processors: 2 },
      { ...small, readiness: 'lazy' as const },
    ]) {
      const world = new ExploredWorld(nativeConfig(spec));
      const reduced = world.search({ maxStates: 3_000_000 });
      const full = world.search({ maxStates: 3_000_000, reduce: false });
      expect([reduced.complete, full.complete]).toEqual([true, true]);
      expect(reduced.ends).toBe(full.ends);
      expect(reduced.states).toBeLessThan(full.states);
    }
  });

  test('says when it stopped early', () => {
    const result = new ExploredWorld(nativeConfig(silent)).search({ maxStates: 10 });
    expect(result).toMatchObject({ complete: false, failure: null });
  });

  test('refuses worlds it cannot backtrack', () => {
    const world = new ExploredWorld(nativeConfig(crowded));
    expect(() => world.search({ maxStates: 10 })).toThrow(/needs model 'sc'/);
  });
});

describe('litmus shapes', () => {
  test.each(litmusNames())('%s: no schedule has a forbidden outcome', (shape) => {
    for (const model of ['weak', 'sc'] as const) {
      const report = litmus({ shape, model, all: true, runs: 5_000_000 });
      expect(report).toMatchObject({ complete: true, forbidden: 0 });
    }
  });
});
