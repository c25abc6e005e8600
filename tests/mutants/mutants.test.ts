import { describe, expect, test } from 'vitest';
import { loadExplorer } from '../../binding/explore.ts';
import { buildMutant } from '../../sim/verify/mutants/build-mutant.ts';
import { mutants } from '../../sim/verify/mutants/catalogue.ts';
import { judgeMutant } from '../../sim/verify/mutants/judge-mutant.ts';
import { judgeUnderSc } from '../../sim/verify/mutants/judge-under-sc.ts';
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

  test.each(mutants.filter((mutant) => mutant.underSc === 'hidden'))(
    '$id: no schedule shows it under sequential consistency',
    async (mutant) => {
      const verdict = await judgeUnderSc(mutant, scRuns);
      expect(verdict).toMatchObject({ failed: [], schedules: scRuns });
      expect(verdict?.states).toBeGreaterThan(4000);
      // The world whose states were all searched does show it under weak memory: they were not clean for want of it.
      const weak = await judgeMutant(
        { ...mutant, world: mutant.everyState ?? mutant.world },
        'weak',
      );
      expect(mutant.killedBy).toContain(weak.kill?.invariant);
    },
    timeout,
  );

  test.each(mutants.filter((mutant) => mutant.underSc === 'shown'))(
    '$id: an order in the program text, shown under sequential consistency too',
    async (mutant) => {
      const verdict = await judgeUnderSc(mutant, mutant.runs);
      expect(verdict?.held).toBe(true);
    },
    timeout,
  );

  test('of M12 to M16 all are hidden but M14', () => {
    const asked = mutants.filter(({ id }) => /^M1[2-6]/.test(id));
    expect(asked.map(({ id, underSc }) => [id, underSc])).toEqual([
      ['M12', 'hidden'],
      ['M12-cell', 'hidden'],
      ['M12-cell-scope', 'hidden'],
      ['M13', 'hidden'],
      ['M13-fence', 'hidden'],
      ['M14', 'shown'],
      ['M15', 'hidden'],
      ['M15-cell', 'hidden'],
      ['M15-cell-release', 'hidden'],
      ['M15-cell-scope', 'hidden'],
      ['M15-cell-early', 'hidden'],
      ['M16', 'hidden'],
      ['M16-release', 'hidden'],
      ['M16-early', 'hidden'],
      ['M16-scope', 'hidden'],
    ]);
  });

  test(
    'the same build with nothing planted holds in every world of the catalogue',
    async () => {
      const { ExploredWorld } = loadExplorer(await buildMutant('none', []));
      for (const { world, strategy } of mutants) {
        const explored = new ExploredWorld(nativeConfig(world));
        const runs = world.lanes === 'views' ? 20 : 200;
        expect(explored.batch({ strategy, seed: 1, runs }).failures).toEqual([]);
      }
    },
    timeout,
  );
});
