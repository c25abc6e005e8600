import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import { startProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';
import {
  type SuiteOutcome,
  suiteEnding,
  suiteOutcomes,
  type VitestReport,
} from './vitest-report.ts';

function folder(): string {
  return join(packageRoot(), 'tests', 'properties');
}

/** Names of the suites that exist. */
export function propertySuites(): readonly string[] {
  if (!existsSync(folder())) {
    throw new InputError(`verify: expected the properties in ${folder()}: it needs a clone`);
  }
  return readdirSync(folder())
    .filter((name) => name.endsWith(suiteEnding))
    .map((name) => name.slice(0, -suiteEnding.length))
    .sort();
}

/** Which suites to run, and which of their properties: those whose name contains `property`, or all. */
export interface Selection {
  readonly suites: readonly string[];
  readonly property?: string | undefined;
}

/** Runs suites in one vitest process. */
export async function runSuites(
  { suites, property }: Selection,
  environment: Readonly<Record<string, string>>,
  terminal: Terminal,
): Promise<readonly SuiteOutcome[]> {
  const work = mkdtempSync(join(tmpdir(), 'kerneltwin-verify-'));
  const progress = startProgress(terminal);
  progress.step(`verifying ${suites.join(', ')}`);
  try {
    const output = join(work, 'report.json');
    const complaint = await runVitest(
      [
        'run',
        ...suites.map((suite) => `tests/properties/${suite}${suiteEnding}`),
        ...(property === undefined ? [] : ['-t', namePattern(property)]),
        '--reporter=json',
        `--outputFile=${output}`,
      ],
      environment,
      terminal.signal,
    );
    if (terminal.signal.aborted) return [];
    if (!existsSync(output)) throw new Error(`vitest wrote no report: ${complaint}`);
    const report = JSON.parse(readFileSync(output, 'utf8')) as VitestReport;
    return suiteOutcomes(report);
  } finally {
    progress.done();
    rmSync(work, { recursive: true, force: true });
  }
}

/** A regular expression for a property's full name: the runner parts names of groups by ` > `, its report by a space. */
function namePattern(name: string): string {
  return name.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&').replaceAll(' ', '(?: > | )');
}

function runVitest(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const root = packageRoot();
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  if (!existsSync(program)) {
    throw new InputError(`verify: expected vitest in ${program}: run npm install in the clone`);
  }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.on('error', (error) => (signal.aborted ? resolve('') : reject(error)));
    child.on('close', () => resolve(complaint));
  });
}
