import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadExplorer } from '../../binding/explore.ts';
import { checkTrace } from '../../sim/check/check-trace.ts';
import { compareRun } from '../../sim/verify/differential/compare.ts';
import { traceOfRun } from '../../sim/verify/trace-of-run.ts';
import { nativeConfig } from '../../sim/verify/world-spec.ts';
import { choiceSequences, worldSpecs } from '../support/explorer-worlds.ts';

const addon = loadExplorer();
const { ExploredWorld } = addon;
const models = fc.constantFrom<'weak' | 'sc'>('weak', 'sc');

describe('the protocol headers, in any world', () => {
  test('hold every invariant under any choice sequence', () => {
    fc.assert(
      fc.property(worldSpecs, models, choiceSequences, (spec, model, choices) => {
        const world = new ExploredWorld(nativeConfig({ ...spec, model }));
        expect(world.run({ strategy: 'replay', choices }).failure).toBeNull();
      }),
      { numRuns: 200 },
    );
  });

  test('hold every invariant under random and PCT schedules', () => {
    const strategies = fc.constantFrom<'random' | 'pct'>('random', 'pct');
    fc.assert(
      fc.property(worldSpecs, models, strategies, fc.nat(), (spec, model, strategy, seed) => {
        const world = new ExploredWorld(nativeConfig({ ...spec, model }));
        expect(world.batch({ strategy, seed, runs: 20 }).failures).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('leave traces that the monitors of simulator and GPU traces find clean', () => {
    fc.assert(
      fc.property(worldSpecs, fc.nat(), (spec, seed) => {
        const world = new ExploredWorld(nativeConfig(spec));
        const run = world.run({ strategy: 'random', seed, keepEvents: true });
        const report = checkTrace(traceOfRun(spec, run.events, seed));
        const violated = report.monitors.filter((m) => m.verdict === 'violated');
        expect(violated.map((m) => [m.id, m.violations[0]?.message])).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test('do step by step what the TypeScript mirror does', () => {
    fc.assert(
      fc.property(worldSpecs, models, fc.nat(), (spec, model, seed) => {
        const plain = { ...spec, model, puts: 0, lanes: 'up' as const };
        const { divergence } = compareRun(plain, seed, 0, addon);
        expect(divergence?.timelines).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});

describe('a run', () => {
  test('is the same again under its own choices', () => {
    fc.assert(
      fc.property(worldSpecs, fc.nat(), (spec, seed) => {
        const world = new ExploredWorld(nativeConfig(spec));
        const first = world.run({ strategy: 'random', seed, keepChoices: true, keepDigests: true });
        const { choices } = first;
        const again = world.run({ strategy: 'replay', choices, keepDigests: true });
        expect(again.digests).toEqual(first.digests);
        expect(again.steps).toBe(first.steps);
      }),
      { numRuns: 40 },
    );
  });
});
