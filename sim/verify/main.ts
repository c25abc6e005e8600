/**
 * Runs the verification suites: `node sim/verify/main.ts ci | nightly | results | SUITE [RUNS] | mutant ID`. Exit 0: all held.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants/catalogue.ts';
import { judgeMutant } from './mutants/judge-mutant.ts';
import { resultsPage } from './results-page.ts';
import type { Suite, SuiteResult } from './suite.ts';
import { suiteNamed, suites } from './suites.ts';

/** Ten million accesses, and some fifty times the schedules of a pull request: about 11 minutes of one core. */
const nightly: Readonly<Record<string, number>> = {
  schedules: 1_000_000,
  litmus: 2_000_000,
  differential: 10_000_000,
  mutants: 200_000,
};

async function runAll(
  chosen: readonly Suite[],
  runs: (suite: Suite) => number | undefined,
): Promise<SuiteResult[]> {
  const results: SuiteResult[] = [];
  for (const suite of chosen) {
    process.stdout.write(`${suite.name}: ${suite.title}\n`);
    const count = runs(suite);
    const options = { seed: 1, report: (line: string) => process.stdout.write(`  ${line}\n`) };
    const result = await suite.run(count === undefined ? options : { ...options, runs: count });
    process.stdout.write(`  ${result.held ? 'held' : 'NOT HELD'}\n`);
    results.push(result);
  }
  return results;
}

/** Plants one fault; true when an invariant that must name it did. */
async function plant(id: string | undefined): Promise<boolean> {
  const mutant = mutants.find((one) => one.id === id);
  if (mutant === undefined) throw new RangeError(`no mutant ${id}`);
  const { kill, runs, failures } = await judgeMutant(mutant, 'weak');
  process.stdout.write(`${mutant.id}: ${mutant.fault}\n`);
  process.stdout.write(
    kill === null
      ? `survived ${runs} schedules; other failures: ${JSON.stringify(failures)}\n`
      : `named by ${kill.invariant} in schedule ${kill.run}: ${kill.message}\n`,
  );
  return kill !== null;
}

async function main(mode: string | undefined, count: string | undefined): Promise<boolean> {
  if (mode === undefined) throw new RangeError('expected ci, nightly, results or a suite');
  // The planted faults are a test run of their own there: tests/mutants.
  const inCi = suites.filter((suite) => suite.name !== 'mutants' && suite.name !== 'blind');
  if (mode === 'ci') return (await runAll(inCi, () => undefined)).every((r) => r.held);
  if (mode === 'mutant') return plant(count);
  if (mode === 'nightly') {
    return (await runAll(suites, (s) => nightly[s.name])).every((r) => r.held);
  }
  if (mode !== 'results') {
    const runs = count === undefined ? undefined : Number(count);
    return (await runAll([suiteNamed(mode)], () => runs)).every((r) => r.held);
  }
  const results = await runAll(suites, () => undefined);
  const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'docs', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'explorer.md'), resultsPage(results));
  return results.every((r) => r.held);
}

try {
  process.exitCode = (await main(process.argv[2], process.argv[3])) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
