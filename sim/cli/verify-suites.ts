import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { InputError } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import { startProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What came of one suite: properties that held and that were refuted. */
export interface SuiteOutcome {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** For each refuted property its name and fast-check's report, with the shrunk counterexample. */
  readonly failures: readonly string[];
}

const ending = '.test.ts';

function folder(): string {
  return join(packageRoot(), 'tests', 'properties');
}

/** Names of the suites that exist. */
export function propertySuites(): readonly string[] {
  if (!existsSync(folder())) {
    throw new InputError(`verify: expected the properties in ${folder()}: it needs a clone`);
  }
  return readdirSync(folder())
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();
}

/** The part of vitest's JSON report that is used here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
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
        ...suites.map((suite) => `tests/properties/${suite}${ending}`),
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
    return report.testResults.map(outcomeOf);
  } finally {
    progress.done();
    rmSync(work, { recursive: true, force: true });
  }
}

/** A regular expression for a property's full name: the runner parts names of groups by ` > `, its report by a space. */
function namePattern(name: string): string {
  return name.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&').replaceAll(' ', '(?: > | )');
}

function outcomeOf(file: VitestReport['testResults'][number]): SuiteOutcome {
  const failed = file.assertionResults.filter((test) => test.status === 'failed');
  const suite = basename(file.name, ending);
  const failures = failed.map((test) => {
    const report = withoutStack(test.failureMessages.join('\n'));
    return `${test.fullName}\n${report}${replayLine(suite, test.fullName, report)}`;
  });
  // A suite that does not even load has no failed property, and must not pass for it.
  const broken = file.status === 'failed' && failed.length === 0;
  return {
    suite,
    passed: file.assertionResults.filter((test) => test.status === 'passed').length,
    failed: failed.length + (broken ? 1 : 0),
    seconds: (file.endTime - file.startTime) / 1000,
    failures: broken ? [`${suite}: ${file.message}`] : failures,
  };
}

/** fast-check's own words: what was found, without where in the test runner it surfaced. */
function withoutStack(report: string): string {
  const lines = report.split('\n').filter((line) => !/^\s+at |^Hint: /.test(line));
  return lines.join('\n').trimEnd();
}

/** The command that replays a counterexample, from the seed and path that fast-check prints. */
function replayLine(suite: string, property: string, report: string): string {
  const found = /seed: (-?\d+), path: "([\d:]+)"/.exec(report);
  if (found === null) return '';
  const only = `--suite ${suite} --property ${JSON.stringify(property)}`;
  return `\nreplay: kerneltwin verify ${only} --replay=${found[1]}:${found[2]}`;
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
