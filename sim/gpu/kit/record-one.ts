/**
 * Records one scenario and writes its trace, and what is to be said of it, for a summary of many.
 *
 *   node sim/gpu/kit/record-one.ts OUT-BASE SCENARIO [--gemm mma|wgmma] [key=value...]
 *   node sim/gpu/kit/record-one.ts OUT-BASE --from RECORDING
 *
 * Writes OUT-BASE.ktrace.parquet and OUT-BASE.json; OUT-BASE.recording.gz where a recording cannot be made into a
 * trace, from which a later version can. Exit code 0: recorded and right; 1: wrong or no trace; 2: not recorded.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadScenario } from '../../moe/load-scenario.ts';
import { traceExtension, writeTrace } from '../../trace/store.ts';
import { GpuRunError } from '../errors.ts';
import { type GpuRecording, recordOnGpu } from '../record.ts';
import { readRecording, writeRecording } from '../recording-file.ts';
import { recordingProblems, traceOf } from '../run-on-gpu.ts';

/** What is known of one recording. */
export interface RecordOutcome {
  readonly launchMs: readonly (readonly number[])[];
  readonly relativeErrors: readonly (readonly number[])[];
  readonly blocks: readonly number[];
  readonly lostEvents: readonly number[];
  readonly residualNs: { readonly sameRank: number; readonly crossRank: number } | null;
  readonly events: number;
  readonly warnings: readonly string[];
  /** What was computed wrongly, or why there is no trace. */
  readonly problems: readonly string[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { gemm: { type: 'string' }, from: { type: 'string' } },
});
const [base = '', source = '', ...settings] = positionals;

async function recording(): Promise<GpuRecording> {
  if (values.from !== undefined) return readRecording(values.from);
  const gemm = values.gemm === undefined ? [] : [`world.gemm=${values.gemm}`];
  const pairs = [...settings, ...gemm].map((setting) => setting.split('=', 2));
  const set = Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value]));
  return recordOnGpu(loadScenario(source, set), {
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
}

async function outcomeOf(recorded: GpuRecording): Promise<RecordOutcome> {
  const { launches, worlds, warnings } = recorded;
  const known = {
    launchMs: launches.map((launch) => launch.results.map((result) => result.ms)),
    relativeErrors: launches.map((launch) => launch.checks.map((check) => check.relativeError)),
    blocks: worlds.map((world) => world.blocks),
    warnings,
  };
  const problems = recordingProblems(recorded);
  try {
    const trace = traceOf(recorded);
    await writeTrace(`${base}${traceExtension}`, trace);
    const { lostEvents, clock } = trace.header;
    const events = trace.events.time.length;
    return { ...known, lostEvents, residualNs: clock.residualNs, events, problems };
  } catch (error) {
    writeRecording(`${base}.recording.gz`, recorded);
    const reason = `no trace: ${error instanceof Error ? error.message : String(error)}`;
    return {
      ...known,
      lostEvents: [],
      residualNs: null,
      events: 0,
      problems: [...problems, reason],
    };
  }
}

try {
  const outcome = await outcomeOf(await recording());
  writeFileSync(`${base}.json`, `${JSON.stringify(outcome)}\n`);
  for (const problem of outcome.problems) process.stderr.write(`${problem}\n`);
  process.exitCode = outcome.problems.length === 0 ? 0 : 1;
} catch (error) {
  const text =
    error instanceof GpuRunError
      ? `${error.code}: ${error.message}\n${error.details}`
      : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = 2;
}
