import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { recordedHash } from '../moe/recorded-scenario.ts';
import type { Scenario } from '../moe/scenario.ts';
import { scenarioHash } from '../moe/scenario-hash.ts';
import { readTraceHeader, traceExtension } from '../trace/store.ts';
import type { Trace } from '../trace/trace.ts';
import { openTrace } from './trace-file.ts';

/** A recorded trace and where it lies. */
export interface RecordedTrace {
  readonly file: string;
  readonly trace: Trace;
}

/** What the library holds for a scenario. */
export interface LibraryAnswer {
  readonly recorded: RecordedTrace | null;
  /** A trace of a scenario of the same name but other work; null where there is none. */
  readonly otherVersion: string | null;
}

/** Where the repository keeps traces recorded on real GPUs. */
export function libraryFolder(root: string): string {
  return join(root, 'tests', 'fixtures', 'traces');
}

/** Trace files below a folder in the order of their names; none where there is no such folder. */
export async function traceFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(traceExtension))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * The recorded GPU trace of a scenario, by the hash of the scenario: only the very same work compares. Where there are
 * several, the first by file name.
 */
export async function findRecorded(folder: string, scenario: Scenario): Promise<LibraryAnswer> {
  const wanted = scenarioHash(scenario);
  let otherVersion: string | null = null;
  for (const file of await traceFiles(folder)) {
    const header = await readTraceHeader(file);
    if (header.source !== 'gpu') continue;
    if (recordedHash(header) === wanted) {
      const recorded = { file: relative('', file), trace: await openTrace(file) };
      return { recorded, otherVersion: null };
    }
    const { name: theirs } = header.scenario as Partial<Scenario>;
    if (theirs === scenario.name) otherVersion ??= relative('', file);
  }
  return { recorded: null, otherVersion };
}
