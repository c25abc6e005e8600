// Measures whole simulations and writes docs/results/simulator.md and simulator.json: `npm run bench:simulator`.
// --widest N (1024): ranks of the largest world. --rounds N (3): repetitions of the shorter runs. --keep-dense: takes the
// worlds where every rank sends to every expert, which take minutes, from simulator.json.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineFacts } from '../machine-facts.ts';
import type { Cost } from './one.ts';
import { type Point, type SimulatorResults, simulatorText } from './page.ts';

const { values } = parseArgs({
  options: {
    widest: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
    'keep-dense': { type: 'boolean', default: false },
  },
});
const widest = Number(values.widest);
const rounds = Number(values.rounds);
const root = join(import.meta.dirname, '..', '..', '..');

/** One run in a process of its own, with at most 4 GB of heap. */
function run(...args: readonly string[]): Cost {
  const script = join(import.meta.dirname, 'one.ts');
  const text = execFileSync(process.execPath, ['--max-old-space-size=4096', script, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  const cost = JSON.parse(text) as Cost;
  process.stderr.write(`${args.join(' ')}: ${cost.cpuSeconds.toFixed(2)} s\n`);
  return cost;
}

/** The run with the least processor time: other work on the machine can only add to it, by what it takes of the caches. */
function fastest(...args: readonly string[]): Cost {
  const costs = Array.from({ length: rounds }, () => run(...args));
  return costs.toSorted((x, y) => x.cpuSeconds - y.cpuSeconds)[0]!;
}

const machine = machineFacts();
const paper = 'scenarios/paper-8xh100.yaml';
const unchecked = fastest('file', paper);
const checked = fastest('file', paper, 'check');
const growth: Point[] = [];
for (let ranks = 8; ranks <= widest; ranks *= 2) {
  growth.push({ ranks, cost: fastest('neighbours', String(ranks)) });
}
const folder = join(root, 'docs', 'results');
const file = join(folder, 'simulator.json');

function densePoints(): readonly Point[] {
  if (values['keep-dense']) {
    return (JSON.parse(readFileSync(file, 'utf8')) as SimulatorResults).dense;
  }
  return [widest / 16, widest / 4, widest].map((ranks) => {
    return { ranks, cost: run('uniform', String(ranks), '128') };
  });
}

const dense = densePoints();
const results: SimulatorResults = { machine, rounds, unchecked, checked, growth, dense };
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(6)) : value;
writeFileSync(file, `${JSON.stringify(results, rounded, 2)}\n`);
const text = simulatorText(results);
writeFileSync(join(folder, 'simulator.md'), text);
process.stdout.write(text);
