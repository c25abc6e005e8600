import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedTrace } from '../calibrate/calibrate.ts';
import { type CalibrationPlan, parsePlan } from '../calibrate/plan.ts';
import { traceExtension } from '../trace/store.ts';
import { openTrace } from './trace-file.ts';
import { libraryFolder } from './trace-library.ts';

/** Folder of the machine profiles, and of the plans by which they are calibrated. */
export function profileFile(root: string, name: string): string {
  return join(root, 'sim', 'machine', 'profiles', name);
}

/** The plan of a profile. */
export function calibrationPlan(root: string, profile: string): CalibrationPlan {
  return parsePlan(readFileSync(profileFile(root, `${profile}.traces.json`), 'utf8'));
}

/** Traces of the library by name. */
export function namedTraces(
  root: string,
  names: readonly string[],
): Promise<readonly NamedTrace[]> {
  return Promise.all(
    names.map(async (name) => {
      const file = join(libraryFolder(root), `${name}${traceExtension}`);
      return { name, trace: await openTrace(file) };
    }),
  );
}
