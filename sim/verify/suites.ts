/** What `kerneltwin verify` can run: each suite judges the protocol headers and says what it did. */
import { loadExplorer } from '../../binding/explore.ts';
import { compareRun } from './differential/compare.ts';
import { blind, planted } from './planted.ts';
import { randomWorld } from './random-world.ts';
import type { Suite } from './suite.ts';
import { crowded, fourEpochs, nativeConfig, twelveTasks } from './world-spec.ts';

/** Processor seconds that `work` took. */
function cpuSeconds(work: () => void): number {
  const start = process.cpuUsage();
  work();
  return cpuSecondsSince(start);
}

function cpuSecondsSince(start: NodeJS.CpuUsage): number {
  const used = process.cpuUsage(start);
  return (used.user + used.system) / 1e6;
}

/** A rate is the median of this many, so that a busy neighbour's moment does not count. */
const rateSamples = 5;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const perSecond = (count: number, seconds: number): number => Math.round(count / seconds);
const text = (count: number): string => count.toLocaleString('en-US');

const schedules: Suite = {
  name: 'schedules',
  title: 'random and PCT schedules of fixed worlds hold every invariant',
  unit: 'schedules of the twelve-task world per memory model and strategy',
  async run({ runs = 20_000, seed, report }) {
    const { ExploredWorld } = loadExplorer();
    const figures: Record<string, number> = {};
    let held = true;
    const judge = (
      name: string,
      world: typeof crowded,
      strategy: 'random' | 'pct',
      count: number,
    ): void => {
      const explored = new ExploredWorld(nativeConfig(world));
      const rates: number[] = [];
      let failure: string | null = null;
      let done = 0;
      const size = Math.ceil(count / rateSamples);
      for (let first = 0; first < count && failure === null; first += size) {
        const start = process.cpuUsage();
        const batch = explored.batch({
          strategy,
          seed,
          first,
          runs: Math.min(size, count - first),
        });
        rates.push(perSecond(batch.runs, cpuSecondsSince(start)));
        done += batch.runs;
        const [found] = batch.failures;
        if (found === undefined) continue;
        failure = `: ${found.invariant} in schedule ${found.firstRun}: ${found.message}`;
      }
      held &&= failure === null;
      const rate = median(rates);
      figures[`${name}, ${world.model}, ${strategy}`] = rate;
      const counted = `${text(done)} schedules, ${text(rate)}/s`;
      report(`${name}, ${world.model}, ${strategy}: ${counted}${failure ?? ''}`);
    };
    for (const model of ['weak', 'sc'] as const) {
      for (const strategy of ['random', 'pct'] as const) {
        judge('twelve tasks', { ...twelveTasks, model }, strategy, runs);
        judge('crowded', { ...crowded, model }, strategy, Math.ceil(runs / 20));
        judge('crowded, puts', { ...crowded, model, puts: 3 }, strategy, Math.ceil(runs / 20));
      }
      judge(
        'crowded, lanes down',
        { ...crowded, model, lanes: 'down' },
        'random',
        Math.ceil(runs / 20),
      );
      judge(
        'crowded, lane views',
        { ...crowded, model, lanes: 'views' },
        'random',
        Math.ceil(runs / 200),
      );
    }
    return { name: 'schedules', held, figures };
  },
};

const litmus: Suite = {
  name: 'litmus',
  title: 'every schedule of every litmus shape, under both memory models',
  unit: 'random schedules per shape, for the rate',
  async run({ runs = 100_000, seed, report }) {
    const addon = loadExplorer();
    const figures: Record<string, number> = {};
    let held = true;
    for (const shape of addon.litmusNames()) {
      for (const model of ['weak', 'sc'] as const) {
        const all = addon.litmus({ shape, model, all: true, runs: 5_000_000 });
        let forbidden = all.forbidden;
        const seconds = cpuSeconds(() => {
          forbidden += addon.litmus({ shape, model, all: false, seed, runs }).forbidden;
        });
        held &&= all.complete && forbidden === 0;
        figures[`${shape}, ${model}, schedules`] = all.runs;
        figures[`${shape}, ${model}, per second`] = perSecond(runs, seconds);
        const verdict =
          forbidden === 0 ? 'none forbidden' : `FORBIDDEN: ${all.first?.message ?? ''}`;
        const extent = all.complete ? 'all' : 'not all';
        report(
          `${shape}, ${model}: ${extent} ${text(all.runs)} schedules, ${verdict}, ${text(perSecond(runs, seconds))}/s`,
        );
      }
    }
    return { name: 'litmus', held, figures };
  },
};

const proof: Suite = {
  name: 'proof',
  title: 'every state of two ranks over four epochs, sequentially consistent',
  unit: 'states at most',
  async run({ runs = 20_000_000, report }) {
    const { ExploredWorld } = loadExplorer();
    const world = new ExploredWorld(nativeConfig(fourEpochs));
    let result = null as ReturnType<typeof world.search> | null;
    const seconds = cpuSeconds(() => {
      result = world.search({ maxStates: runs });
    });
    if (result === null) throw new Error('the search returned nothing');
    const { complete, failure, states, schedules: paths, moves, ends, passes, longest } = result;
    report(
      `${complete ? 'proved' : 'NOT proved'}: ${text(states)} states, ${paths.toExponential(2)} schedules, ` +
        `${text(moves)} accesses, ${ends} final states, longest ${longest}, ${passes} passes, ${seconds.toFixed(1)} s`,
    );
    if (failure !== null) report(`${failure.invariant}: ${failure.message}`);
    return {
      name: 'proof',
      held: complete && failure === null,
      figures: { states, schedules: paths, accesses: moves, 'final states': ends, seconds },
    };
  },
};

const differential: Suite = {
  name: 'differential',
  title: 'the headers and the TypeScript mirror agree after every shared access',
  unit: 'accesses compared',
  async run({ runs = 500_000, seed, report }) {
    const addon = loadExplorer();
    let steps = 0;
    let worlds = 0;
    const start = process.cpuUsage();
    while (steps < runs) {
      const compared = compareRun(randomWorld(seed * 1_000_003 + worlds), seed, worlds, addon);
      steps += compared.steps;
      worlds++;
      if (compared.divergence === null) continue;
      report(`world ${worlds - 1} of seed ${seed} diverges at access ${compared.divergence.step}`);
      report(JSON.stringify(compared.divergence.spec));
      report(`choices: ${compared.divergence.choices.join(',')}`);
      report(compared.divergence.timelines);
      return { name: 'differential', held: false, figures: { steps, worlds } };
    }
    const used = process.cpuUsage(start);
    const rate = perSecond(steps, (used.user + used.system) / 1e6);
    report(`${text(steps)} accesses of ${text(worlds)} worlds agree, ${text(rate)}/s`);
    return { name: 'differential', held: true, figures: { steps, worlds, 'per second': rate } };
  },
};

export const suites: readonly Suite[] = [schedules, litmus, proof, differential, planted, blind];

/** Throws RangeError naming the suites there are. */
export function suiteNamed(name: string): Suite {
  const suite = suites.find((s) => s.name === name);
  if (suite !== undefined) return suite;
  throw new RangeError(`no suite '${name}'; there are: ${suites.map((s) => s.name).join(', ')}`);
}
