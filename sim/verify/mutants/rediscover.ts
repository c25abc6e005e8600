import { loadExplorer } from '../../../binding/explore.ts';
import { nativeConfig, type WorldSpec } from '../world-spec.ts';
import { blindWorld } from './blind-world.ts';
import { buildMutant } from './build-mutant.ts';
import type { Mutant } from './mutant.ts';

/** Where a fault was found by somebody who was not told where it is. */
export interface Rediscovery {
  readonly invariant: string;
  readonly message: string;
  /** Number of the generated world. */
  readonly world: number;
  readonly strategy: 'random' | 'pct';
  /** Schedules run until then, over all worlds. */
  readonly schedules: number;
}

/** Schedules of one world under one strategy; lanes with views of their own take ten times as long. */
const perStrategy = (lanes: WorldSpec['lanes']): number => (lanes === 'views' ? 3 : 10);

/**
 * Runs generated worlds on a build of the headers until one of `invariants` fails; with no invariants given, until any does.
 * Neither worlds nor strategies depend on what is looked for. Null: `worlds` worlds were clean of it.
 */
export async function searchBlindly(
  build: Pick<Mutant, 'id' | 'edits'>,
  invariants: readonly string[] | null,
  worlds: number,
  seed = 0,
): Promise<Rediscovery | null> {
  const { ExploredWorld } = loadExplorer(await buildMutant(build.id, build.edits));
  let schedules = 0;
  for (let world = seed; world < seed + worlds; world++) {
    const spec = blindWorld(world);
    const explored = new ExploredWorld(nativeConfig(spec));
    for (const strategy of ['random', 'pct'] as const) {
      const runs = perStrategy(spec.lanes);
      const { failures } = explored.batch({ strategy, seed: world, runs, until: 'never' });
      schedules += runs;
      const found = failures.find(({ invariant }) => invariants?.includes(invariant) ?? true);
      if (found === undefined) continue;
      const { invariant, message } = found;
      return { invariant, message, world, strategy, schedules };
    }
  }
  return null;
}

/** Worlds after which a fault counts as not found. The hardest one planted takes some ninety. */
export const blindWorlds = 400;

/** Looks for a planted fault; found when an invariant that must name it does. */
export const rediscover = (
  mutant: Mutant,
  worlds: number = blindWorlds,
): Promise<Rediscovery | null> => searchBlindly(mutant, mutant.killedBy, worlds);
