import { loadExplorer, type MemoryModel } from '../../../binding/explore.ts';
import { nativeConfig } from '../world-spec.ts';
import { buildMutant } from './build-mutant.ts';
import type { Mutant } from './mutant.ts';

export interface MutantVerdict {
  readonly id: string;
  readonly model: MemoryModel;
  /** Schedules run. */
  readonly runs: number;
  /** First failure of an invariant that must name the fault; null: it survived. */
  readonly kill: {
    readonly invariant: string;
    readonly message: string;
    readonly run: number;
  } | null;
  /** All invariants that failed, with the number of schedules. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Schedules tried between two looks for a kill. */
const batch = 100;

/** Runs schedules of a mutant until an invariant that must name it fails, or `runs` are through. */
export async function judgeMutant(
  mutant: Mutant,
  model: MemoryModel,
  runs: number = mutant.runs,
  seed = 1,
): Promise<MutantVerdict> {
  const { ExploredWorld } = loadExplorer(await buildMutant(mutant.id, mutant.edits));
  const world = new ExploredWorld(nativeConfig({ ...mutant.world, model }));
  const failures: Record<string, number> = {};
  let kill: MutantVerdict['kill'] = null;
  let done = 0;
  while (kill === null && done < runs) {
    const size = Math.min(batch, runs - done);
    const report = world.batch({
      strategy: mutant.strategy,
      seed,
      first: done,
      runs: size,
      until: 'never',
    });
    for (const failure of report.failures) {
      failures[failure.invariant] = (failures[failure.invariant] ?? 0) + failure.count;
      if (!mutant.killedBy.includes(failure.invariant)) continue;
      if (kill !== null && kill.run <= failure.firstRun) continue;
      const { invariant, message, firstRun } = failure;
      kill = { invariant, message, run: firstRun };
    }
    done += size;
  }
  return { id: mutant.id, model, runs: done, kill, failures };
}
