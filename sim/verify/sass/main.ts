/**
 * Compares the device's policies with the hand's code: `node sim/verify/sass/main.ts [--check]`. Writes docs/results/policies.md,
 * or with --check only judges. Exit 0: nothing costs more than allowed. Needs nvcc, or Python's pip to fetch it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countSass, registersOf } from './count.ts';
import { type Half, judge, policiesPage } from './judge.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const out = join(root, 'build', 'policies');
const script = join(root, 'kernel', 'tests', 'policies', 'disassemble.sh');
execFileSync(script, [out], { stdio: 'inherit' });

const left = (name: string): string => readFileSync(join(out, name), 'utf8');
const half = (name: string): Half => ({
  counts: countSass(left(`${name}.sass`)),
  registers: registersOf(left(`${name}.ptxas`)),
});
const rows = judge(half('through_policies'), half('by_hand'));
for (const { compared, policy, hand } of rows) {
  process.stdout.write(
    `${compared.name}: ${policy.total} through policies, ${hand.total} by hand\n`,
  );
}
const problems = rows.map((row) => row.problem).filter((problem) => problem !== '');
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (!process.argv.includes('--check')) {
  const page = join(root, 'docs', 'results', 'policies.md');
  writeFileSync(page, policiesPage(rows, left('compiler').trim()));
}
process.exitCode = problems.length === 0 ? 0 : 1;
