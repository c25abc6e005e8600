import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadExplorer } from '../../binding/explore.ts';
import { compareRun } from '../../sim/verify/differential/compare.ts';
import { buildMutant } from '../../sim/verify/mutants/build-mutant.ts';
import { mutants } from '../../sim/verify/mutants/catalogue.ts';
import { nativeConfig, twelveTasks, type WorldSpec } from '../../sim/verify/world-spec.ts';
import { choiceSequences } from '../support/explorer-worlds.ts';

const timeout = 180_000;

async function explorerOf(id: string): Promise<ReturnType<typeof loadExplorer>> {
  const mutant = mutants.find((m) => m.id === id);
  return loadExplorer(await buildMutant(id, mutant?.edits ?? []));
}

describe('the exhaustive search', () => {
  test.each([
    ['M19', 'S6'],
    ['M25', 'S1'],
    ['M20', 'T5'],
  ])(
    'finds %s (%s), with choices that show it again',
    async (id, invariant) => {
      const { ExploredWorld } = await explorerOf(id);
      const rows = [[[4, 4]]];
      const spec: WorldSpec = { ...twelveTasks, hidden: 64, model: 'sc', processors: 1, rows };
      const world = new ExploredWorld(nativeConfig(spec));
      const found = world.search({ maxStates: 1_000_000 });
      const again = world.run({ strategy: 'replay', choices: found.choices });
      // A search stops at its first failure; M19 may also end in a deadlock.
      expect([invariant, 'T5']).toContain(found.failure?.invariant);
      expect(again.failure?.invariant).toBe(found.failure?.invariant);
    },
    timeout,
  );
});

/** Subscribers that write what they poll: they keep themselves and each other awake, and nobody gets anywhere. */
const restless = [
  {
    file: 'protocol/subscriber.h',
    from: 'for (uint32_t c = 0; c < st.watched; c += kPollChunks) pollChunks(mem, warp, trace, st, c);',
    to: `for (uint32_t c = 0; c < st.watched; c += kPollChunks) pollChunks(mem, warp, trace, st, c);
    mem.template load<Order::Relaxed, Scope::Block>(st.bound.corrected);
    mem.template fetchOr<Order::Relaxed, Scope::Block>(st.bound.corrected, 0u);`,
  },
];

describe('a livelock is told from a run without end, and from a deadlock', () => {
  // Nobody sends, so nothing ever comes: what would be a deadlock if the subscribers slept.
  const edits = [...restless, ...(mutants.find((m) => m.id === 'M30')?.edits ?? [])];
  const spec: WorldSpec = {
    ...twelveTasks,
    hidden: 64,
    processors: 1,
    subscribers: 2,
    rows: [[[0, 0]]],
  };

  test.each(['weak', 'sc'] as const)(
    'in a run, %s',
    async (model) => {
      const { ExploredWorld } = loadExplorer(await buildMutant('restless', edits));
      const world = new ExploredWorld(nativeConfig({ ...spec, model }));
      const { failure } = world.run({ strategy: 'random', seed: 1 });
      expect(failure).toMatchObject({ invariant: 'T5' });
      expect(failure?.message).toContain('livelock');
    },
    timeout,
  );

  test(
    'in a search',
    async () => {
      const { ExploredWorld } = loadExplorer(await buildMutant('restless', edits));
      const world = new ExploredWorld(nativeConfig({ ...spec, model: 'sc' }));
      const { failure } = world.search({ maxStates: 100_000 });
      expect(failure?.message).toContain('livelock');
    },
    timeout,
  );
});

test(
  'a failing schedule shrinks to a short one',
  async () => {
    const { ExploredWorld } = await explorerOf('M16');
    const world = new ExploredWorld(nativeConfig({ ...twelveTasks, rows: [[[1, 0]]] }));
    const fails = (choices: Uint32Array): boolean =>
      world.run({ strategy: 'replay', choices }).failure !== null;
    const result = fc.check(
      fc.property(choiceSequences, (choices) => !fails(choices)),
      { seed: 1, numRuns: 500 },
    );
    const shortest = result.counterexample?.[0] ?? new Uint32Array(2000);
    expect(result.failed).toBe(true);
    expect(shortest.filter((choice) => choice !== 0).length).toBeLessThan(20);
  },
  timeout,
);

test(
  'headers that differ from the mirror are told apart, shrunk, and shown as two timelines',
  async () => {
    const mutant = await explorerOf('M24');
    const { divergence } = compareRun({ ...twelveTasks, model: 'sc' }, 1, 0, mutant);
    // This fault needs no particular schedule, so nothing of the choices is left.
    expect(divergence?.choices).toEqual(new Uint32Array(0));
    expect(divergence?.timelines).toMatch(/headers .*\| mirror/);
    expect(divergence?.timelines).toContain('doorbell');
  },
  timeout,
);
