import { basename } from 'node:path';

/** Ending of the file names of suites. */
export const suiteEnding = '.test.ts';

/** What came of one suite: properties that held and that were refuted. */
export interface SuiteOutcome {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** For each refuted property its name and fast-check's report, with the shrunk counterexample. */
  readonly failures: readonly string[];
}

/** The part of vitest's JSON report that is used here. */
export interface VitestReport {
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

/** Outcome of each suite of a vitest run. */
export function suiteOutcomes(report: VitestReport): readonly SuiteOutcome[] {
  return report.testResults.map(outcomeOf);
}

function outcomeOf(file: VitestReport['testResults'][number]): SuiteOutcome {
  const failed = file.assertionResults.filter((test) => test.status === 'failed');
  const suite = basename(file.name, suiteEnding);
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
