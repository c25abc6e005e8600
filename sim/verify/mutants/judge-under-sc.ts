import { loadExplorer } from '../../../binding/explore.ts';
import { nativeConfig } from '../world-spec.ts';
import { buildMutant } from './build-mutant.ts';
import { judgeMutant } from './judge-mutant.ts';
import type { Mutant } from './mutant.ts';

/** What sequentially consistent memory showed of a fault, and whether that is what it must show. */
export interface ScVerdict {
  readonly held: boolean;
  /** Invariants that failed. */
  readonly failed: readonly string[];
  /** Random schedules run in the fault's own world. */
  readonly schedules: number;
  /** States searched in its small world, all there are; 0 where a fault is shown. */
  readonly states: number;
}

/** No more than this: a small world that has more states is not small. */
const maxStates = 1_000_000;

async function searchEveryState(
  mutant: Mutant,
): Promise<{ readonly states: number; readonly failed: readonly string[] }> {
  if (mutant.everyState === undefined) throw new Error(`${mutant.id} names no small world`);
  const { ExploredWorld } = loadExplorer(await buildMutant(mutant.id, mutant.edits));
  const world = new ExploredWorld(nativeConfig({ ...mutant.everyState, model: 'sc' }));
  const { complete, failure, states } = world.search({ maxStates });
  if (failure !== null) return { states, failed: [failure.invariant] };
  if (!complete) throw new Error(`${mutant.id}: its small world has more than ${maxStates} states`);
  return { states, failed: [] };
}

/**
 * Judges a fault under sequentially consistent memory. A hidden one must survive `runs` random schedules of its world and
 * every state of its small one; a shown one must be named as under weak memory. Null: nothing is asked of this fault.
 */
export async function judgeUnderSc(
  mutant: Mutant,
  runs: number,
  seed = 1,
): Promise<ScVerdict | null> {
  if (mutant.underSc === 'unasked') return null;
  const random = await judgeMutant(mutant, 'sc', runs, seed);
  const failed = Object.keys(random.failures);
  if (mutant.underSc === 'shown') {
    return { held: random.kill !== null, failed, schedules: random.runs, states: 0 };
  }
  const all = await searchEveryState(mutant);
  return {
    held: failed.length === 0 && all.failed.length === 0,
    failed: [...failed, ...all.failed],
    schedules: random.runs,
    states: all.states,
  };
}
