import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../report/atomic-write.ts';
import type { ReportContent } from '../report/page.ts';
import { encodeTrace, traceExtension } from '../trace/store.ts';
import type { Trace } from '../trace/trace.ts';
import { InputError } from './outcome.ts';
import { openTrace } from './trace-file.ts';

const simulatedFile = `simulated${traceExtension}`;
const measuredFile = `measured${traceExtension}`;
const runFile = 'run.json';

/** What run.json says: which traces belong to the run, and where the measured one came from. */
interface RunRecord {
  readonly simulated: string;
  readonly measured: string | null;
  /** File of the measured trace, or `live`. */
  readonly measuredFrom: string | null;
  /** Why there is no measured trace; empty where there is one. */
  readonly missing: string;
}

/** A run read back from its folder. */
export interface Run {
  readonly simulated: Trace;
  readonly measured: Trace | null;
  readonly missing: string;
}

/** A measured trace and where it came from: a file, or `live`. */
export interface Measured {
  readonly trace: Trace;
  readonly from: string;
}

/** Writes the traces of a run; run.json comes last, so a folder that has it is complete. */
export async function writeRun(
  folder: string,
  simulated: Trace,
  measured: Measured | null,
  missing: string,
): Promise<void> {
  await writeAtomically(join(folder, simulatedFile), encodeTrace(simulated));
  if (measured !== null) {
    await writeAtomically(join(folder, measuredFile), encodeTrace(measured.trace));
  }
  const record: RunRecord = {
    simulated: simulatedFile,
    measured: measured === null ? null : measuredFile,
    measuredFrom: measured?.from ?? null,
    missing,
  };
  await writeAtomically(join(folder, runFile), `${JSON.stringify(record, null, 2)}\n`);
}

/** Reads a run that {@link writeRun} wrote. */
export async function openRun(folder: string): Promise<Run> {
  const file = join(folder, runFile);
  let record: RunRecord;
  try {
    record = JSON.parse(await readFile(file, 'utf8')) as RunRecord;
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    throw new InputError(`${file}: expected the record of a run of kerneltwin twin, got: ${got}`, {
      cause: error,
    });
  }
  if (typeof record.simulated !== 'string') {
    throw new InputError(`${file}: simulated: expected the name of a trace file, got nothing`);
  }
  return {
    simulated: await openTrace(join(folder, record.simulated)),
    measured: record.measured === null ? null : await openTrace(join(folder, record.measured)),
    missing: record.missing,
  };
}

/** Writes the report's page and pictures; returns their paths, the page first. */
export async function writeReport(
  folder: string,
  content: ReportContent,
): Promise<readonly string[]> {
  // Loaded only here: the drawing library takes most of a second to load.
  const { buildReport } = await import('../report/build-report.ts');
  const files = Object.entries(buildReport(content));
  for (const [name, text] of files) await writeAtomically(join(folder, name), text);
  return files.map(([name]) => join(folder, name));
}
