// Measures the engine and its peers and writes docs/results/engine.md and engine.json: `npm run bench:engine`.
// --rounds N (5) sets the number of rounds; PYTHON names the Python that has SimPy.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineFacts } from '../machine-facts.ts';
import { figuresOf } from './figures.ts';
import { ours } from './ours.ts';
import { type EngineResults, engineText } from './page.ts';
import { findPeers } from './peers.ts';
import { type Entry, measure } from './rounds.ts';
import { structures } from './structures.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  throw new Error(`--rounds: expected an integer of at least 1, got ${values.rounds}`);
}
const root = join(import.meta.dirname, '..', '..', '..');
const machine = machineFacts();
const { found, absent } = findPeers(
  join(root, 'build', 'bench'),
  process.env['PYTHON'] ?? 'python3',
);
const hold = (name: string): string[] => [
  process.execPath,
  join(import.meta.dirname, 'hold.ts'),
  name,
];
const holds = 5_000_000;
const sizes = [100, 10_000, 1_000_000];
const entries: Entry[] = [
  ...sizes.map((pending) => {
    return { group: 'ours', name: 'bare queue', pending, command: hold('bare queue'), holds };
  }),
  ...Object.keys(ours)
    .filter((name) => name !== 'bare queue')
    .map((name) => ({ group: 'ours', name, pending: 10_000, command: hold(name), holds })),
  ...found.map((peer) => ({ group: 'peers', pending: 10_000, ...peer })),
  ...found
    .filter(({ name }) => name === 'std::priority_queue')
    .flatMap((peer) => [100, 1_000_000].map((pending) => ({ group: 'peers', pending, ...peer }))),
  ...Object.keys(structures).flatMap((name) =>
    sizes.map((pending) => ({ group: 'structures', name, pending, command: hold(name), holds })),
  ),
  ...['bare queue', ...Object.keys(structures)].map((name) => {
    const extra = ['mixed'];
    return { group: 'mixed', name, pending: 10_000, command: hold(name), holds: 500_000, extra };
  }),
];
const measured = measure(entries, rounds, (line) => process.stderr.write(`${line}\n`));
const peers = found.map(({ name, version }) => ({ name, version }));
const figures = figuresOf(measured);
const results: EngineResults = { machine, rounds, peers, absent, figures, measured };
const folder = join(root, 'docs', 'results');
mkdirSync(folder, { recursive: true });
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(6)) : value;
writeFileSync(join(folder, 'engine.json'), `${JSON.stringify(results, rounded, 2)}\n`);
const text = engineText(results);
writeFileSync(join(folder, 'engine.md'), text);
process.stdout.write(text);
