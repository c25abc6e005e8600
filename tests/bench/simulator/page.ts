import { type MachineFacts, machineLine } from '../machine-facts.ts';
import { table } from '../table.ts';
import type { Cost } from './one.ts';

/** What a world of some number of ranks cost. */
export interface Point {
  readonly ranks: number;
  readonly cost: Cost;
}

/** Everything one benchmark run found. */
export interface SimulatorResults {
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly unchecked: Cost;
  readonly checked: Cost;
  readonly growth: readonly Point[];
  readonly dense: readonly Point[];
}

/** Slope of the least-squares line through (log ranks, log processor seconds). */
export function growthSlope(points: readonly Point[]): number {
  const xs = points.map(({ ranks }) => Math.log(ranks));
  const ys = points.map(({ cost }) => Math.log(cost.cpuSeconds));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, v) => sum + v, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}

function costRow(name: string, cost: Cost): string[] {
  const { cpuSeconds, userSeconds, wallSeconds, peakMb, tasks, events, records } = cost;
  return [
    name,
    cpuSeconds.toFixed(2),
    userSeconds.toFixed(2),
    wallSeconds.toFixed(2),
    peakMb.toFixed(0),
    tasks.toLocaleString('en'),
    (events / tasks).toFixed(1),
    (records / tasks).toFixed(1),
    ((cpuSeconds * 1e6) / tasks).toFixed(1),
  ];
}

const head = [
  '',
  'CPU s',
  'user s',
  'wall s',
  'peak MB',
  'tasks',
  'events a task',
  'records a task',
  'us a task',
];

function verdict(got: number, reach: number): string {
  return got <= reach ? 'reached' : 'missed';
}

/** The results page. */
export function simulatorText(results: SimulatorResults): string {
  const { machine, rounds, unchecked, checked, growth, dense } = results;
  const late = growth.filter(({ ranks }) => ranks >= 64);
  const [all, from64] = [growthSlope(growth), growthSlope(late)];
  const widest = dense.at(-1)!;
  const wide = `${widest.ranks.toLocaleString('en')} ranks x 1,024 tokens, ${widest.ranks.toLocaleString('en')} experts`;
  const figure = (what: string, reach: number, got: number, unit: string): string[] => [
    what,
    `${reach} ${unit}`.trim(),
    `${got.toFixed(2)} ${unit}`.trim(),
    verdict(got, reach),
  ];
  const figures = [
    figure('paper scenario, whole simulation, checks off', 1, unchecked.cpuSeconds, 's'),
    figure('paper scenario, whole simulation, checks on', 2, checked.cpuSeconds, 's'),
    figure(`${wide}: time`, 60, widest.cost.cpuSeconds, 's'),
    figure(`${wide}: memory`, 4, widest.cost.peakMb / 1024, 'GB'),
    figure('growth with ranks at fixed work a rank: slope', 1.1, Math.max(all, from64), ''),
  ];
  const rows = (points: readonly Point[]): string[][] =>
    points.map(({ ranks, cost }) => costRow(`${ranks.toLocaleString('en')} ranks`, cost));
  return `# Simulator

Written by \`npm run bench:simulator\`; the numbers behind it are in simulator.json. Processor seconds of one process with one
thread of simulation, compilation and garbage collection included, start of Node left out. The least of ${rounds} runs, because
other work on the machine only adds, by what it takes of the caches; of worlds where every rank sends to every expert, one
run, which may be an earlier one. The load average says how quiet the machine was.

Machine: ${machineLine(machine)}.

## Figures

${table(['what', 'reach', 'measured', ''], figures)}

## The paper's world

8 ranks on 8 H100, 8,192 tokens a rank, H = I = 2048, 64 experts, k = 2, capacity factor 1: routing, simulation, trace;
then every monitor over the trace.

${table(head, [costRow('checks off', unchecked), costRow('checks on', checked)])}

## Growth at fixed work a rank

1,024 tokens a rank, one expert a rank, H = I = 2048, k = 2; each rank sends to itself and the next seven ranks, 256 rows
each, and a signal of no rows to every other rank. No trace is kept. Slope of log time over log ranks: ${all.toFixed(2)} over all
sizes, ${from64.toFixed(2)} from 64 ranks on, where the start of the program no longer counts.

${table(head, rows(growth))}

## Every rank to every expert

1,024 tokens a rank, one expert a rank, H = I = 2048, k = 2, uniform routing, tiles of 128 x 128. A cell holds two rows on
average, and each non-empty cell is ${gemmTiles} tasks: work a rank grows with the number of ranks. No trace is kept.

${table(head, rows(dense))}

What bounds the largest: the number of its tasks, and memory. ${bound(widest.cost)} A rank
takes ${((widest.cost.peakMb * 1024) / widest.ranks).toFixed(0)} kB (flags, watch lists, arrival counters, processors, pending events), all ranks together far more than any
cache holds. So each GPU is simulated for a window of the shortest latency at a time, in which it runs a few dozen events.
Those are in one small queue that all GPUs use in turn; what a GPU has to do later waits in a list that is read from end to
end. The state of a processor, an SM or a put is one record of a cache line or less, that of a link two or three lines.
What is in use is kept together, on few pages: pools take the lowest free record, small arrays are slices of an arena. What is
left is spread over all actors.

## Memory

A trace takes 30 bytes an event while it is collected, and once more when it is put in order; \`simulate --no-trace\` keeps
none, but a byte for each place of the task space to judge by. A task takes no memory of its own: an entry of a task queue
is 16 bytes for all its tasks, a pending event 24 bytes, a processor 64 bytes whether it runs or not and its SM 64, a link
direction 320, a signal on its way 32, a dispatch flag 9 bytes, a combine flag 1 byte, each 32 of them or fewer that are
awaited together 20. The state of a rank so is bounded by its shape, not by its tasks.
Ranks are 16 bits wide in a trace and actors 32; shapes whose words would overflow are refused (L8).
`;
}

function bound({ tasks, events, cpuSeconds }: Cost): string {
  const allowed = ((60 * 1e6) / tasks).toFixed(1);
  const took = ((cpuSeconds * 1e6) / tasks).toFixed(1);
  const perEvent = ((cpuSeconds * 1e6) / events).toFixed(1);
  const each = (events / tasks).toFixed(1);
  return `60 s would allow ${allowed} us a task; it took ${took} us, ${each} events of ${perEvent} us each.`;
}

/** GEMM0, GEMM1 and COMBINE tiles of a row block at H = I = 2048 and 128 columns. */
const gemmTiles = 48;
