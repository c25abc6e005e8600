import { describe, expect, test } from 'vitest';
import { loadExplorer } from '../../binding/explore.ts';
import { buildMutant } from '../../sim/verify/mutants/build-mutant.ts';
import { blindRediscovery, mutants } from '../../sim/verify/mutants/catalogue.ts';
import { judgeMutant } from '../../sim/verify/mutants/judge-mutant.ts';
import { nativeConfig } from '../../sim/verify/world-spec.ts';

/** A mutant is compiled once, then kept under build/mutants. */
const timeout = 180_000;

/** Schedules that must not show a fault of memory order under sequential consistency. */
const scRuns = 5000;

describe('planted faults', () => {
  test.each(mutants)(
    '$id: $fault',
    async (mutant) => {
      const verdict = await judgeMutant(mutant, 'weak');
      // All failures beside the expected one, so that a miss says what was seen instead.
      expect({ ...verdict.failures, killed: verdict.kill !== null }).toMatchObject({
        killed: true,
      });
      expect(mutant.killedBy).toContain(verdict.kill?.invariant);
    },
    timeout,
  );

  test.each(mutants.filter((mutant) => mutant.onlyWeak))(
    '$id cannot be seen under sequential consistency',
    async (mutant) => {
      const verdict = await judgeMutant(mutant, 'sc', scRuns);
      expect(verdict.failures).toEqual({});
    },
    timeout,
  );

  test('every fault of the blind rediscovery world is in the catalogue', () => {
    const ids = mutants.map((mutant) => mutant.id);
    expect(ids).toEqual(expect.arrayContaining([...blindRediscovery]));
  });

  test(
    'the same build with nothing planted holds in every world of the catalogue',
    async () => {
      const { ExploredWorld } = loadExplorer(await buildMutant('none', []));
      for (const { world, strategy } of mutants) {
        const explored = new ExploredWorld(nativeConfig(world));
        const runs = world.laneViews ? 20 : 200;
        expect(explored.batch({ strategy, seed: 1, runs }).failures).toEqual([]);
      }
    },
    timeout,
  );
});
