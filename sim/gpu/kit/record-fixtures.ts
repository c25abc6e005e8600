/**
 * Records and checks all fixtures, each in processes of their own with their own limits; one that fails does not stop
 * the next.
 *
 *   node sim/gpu/kit/record-fixtures.ts OUT SECONDS [--gemm mma|wgmma] [NAME...]
 *
 * Writes OUT/summary.json, and per fixture its trace and a log in OUT/traces. Exit code 0: all right; 1: some not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { traceExtension } from '../../trace/store.ts';
import { type Fixture, fixtures } from './fixtures.ts';
import type { RecordOutcome } from './record-one.ts';

/** Limit of one check, seconds. */
const checkSeconds = 60;
/** Least time worth starting a fixture with, seconds. */
const leastSeconds = 15;
const afterTimeoutMs = 8000;

interface Step {
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly seconds: number;
}

interface FixtureSummary {
  readonly name: string;
  readonly state: 'right' | 'wrong' | 'failed' | 'timed out' | 'no time left';
  readonly record?: Step;
  readonly check?: Step;
  readonly outcome?: RecordOutcome;
  /** Report of `kerneltwin check --json`. */
  readonly report?: unknown;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { gemm: { type: 'string' } },
});
const [out = 'out', budget = '420', ...only] = positionals;
const begin = performance.now();
const elapsed = (): number => (performance.now() - begin) / 1000;
const left = (): number => Number(budget) - elapsed();
const folder = join(out, 'traces');

function say(line: string): void {
  process.stdout.write(`[${elapsed().toFixed(0).padStart(4)} s] ${line}\n`);
}

/** Runs a program of this project; all it writes goes to files. */
async function run(
  args: readonly string[],
  stdout: string,
  stderr: string,
  seconds: number,
): Promise<Step> {
  const started = performance.now();
  const files = [openSync(stdout, 'w'), openSync(stderr, 'a')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', ...files] });
  for (const file of files) closeSync(file);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  // Its ranks and its MPS daemon end by themselves when it does; the next one should find the GPU free.
  if (timedOut) await sleep(afterTimeoutMs);
  return { exitCode, timedOut, seconds: (performance.now() - started) / 1000 };
}

function readJson(file: string): unknown {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 4000);
  }
}

async function record(fixture: Fixture): Promise<FixtureSummary> {
  const { name } = fixture;
  const limit = Math.min(fixture.seconds, left());
  if (limit < leastSeconds) return { name, state: 'no time left' };
  const base = join(folder, name);
  const log = `${base}.log`;
  const settings = Object.entries(fixture.set).map(([key, value]) => `${key}=${value}`);
  const program = 'sim/gpu/kit/record-one.ts';
  const scenario = join('scenarios', fixture.scenario);
  const gemm = values.gemm === undefined ? [] : ['--gemm', values.gemm];
  const words = [program, base, scenario, ...gemm, ...settings];
  const recorded = await run(words, '/dev/null', log, limit);
  const outcome = readJson(`${base}.json`) as RecordOutcome | undefined;
  const so = { name, record: recorded, ...(outcome === undefined ? {} : { outcome }) };
  if (recorded.timedOut) return { ...so, state: 'timed out' };
  const trace = `${base}${traceExtension}`;
  if (!existsSync(trace)) return { ...so, state: 'failed' };

  const file = `${base}.check.json`;
  const checkLimit = Math.min(checkSeconds, Math.max(leastSeconds, left()));
  const check = await run(['sim/cli/main.ts', 'check', '--json', trace], file, log, checkLimit);
  const right = recorded.exitCode === 0 && check.exitCode === 0;
  return { ...so, check, report: readJson(file), state: right ? 'right' : 'wrong' };
}

/** How many monitors said what: a trace that decides nothing is clean too. */
function verdicts(report: unknown): string {
  const { monitors } = (report ?? {}) as { monitors?: readonly { verdict: string }[] };
  if (monitors === undefined) return 'no report';
  const count = (verdict: string): number => monitors.filter((m) => m.verdict === verdict).length;
  const words = ['held', 'violated', 'undecided'];
  return words.map((verdict) => `${count(verdict)} ${verdict}`).join(', ');
}

function line(s: FixtureSummary): string {
  const ms = s.outcome?.launchMs.map((launch) => Math.max(...launch).toFixed(3)).join(' ');
  const error = Math.max(...(s.outcome?.relativeErrors.flat() ?? []), -1);
  const figures = ms === undefined ? '' : `; ms ${ms}; largest error ${error.toExponential(1)}`;
  const problem = s.outcome?.problems[0];
  const check =
    s.check === undefined ? '' : `; check exit ${s.check.exitCode} (${verdicts(s.report)})`;
  return `${s.name}: ${s.state}${figures}${check}${problem === undefined ? '' : `; ${problem}`}`;
}

mkdirSync(folder, { recursive: true });
const summaries: FixtureSummary[] = [];
for (const fixture of fixtures) {
  if (only.length > 0 && !only.includes(fixture.name)) continue;
  const summary = await record(fixture);
  summaries.push(summary);
  say(line(summary));
  // After each, so that a run ended from outside leaves what it had.
  writeFileSync(join(out, 'summary.json'), `${JSON.stringify(summaries, null, 1)}\n`);
}
process.exitCode = summaries.every((s) => s.state === 'right') ? 0 : 1;
