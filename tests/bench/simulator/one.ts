// One measurement in a process of its own, as JSON on a line:
//   node one.ts file <scenario.yaml> [check]   the whole simulation: routing, run, trace, and its checks
//   node one.ts neighbours <ranks>             a run without a trace, at fixed work per rank
//   node one.ts uniform <ranks> <tile cols>    a run without a trace, every rank sending to every expert

import { checkTrace } from '../../../sim/check/check-trace.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import { type Routing, routeTokens } from '../../../sim/moe/routing.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import { simulate, simulateUntraced } from '../../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { neighbourRouting, wideWorld } from './worlds.ts';

/** What one run cost. */
export interface Cost {
  readonly cpuSeconds: number;
  /** Of these, outside of the kernel. */
  readonly userSeconds: number;
  readonly wallSeconds: number;
  readonly peakMb: number;
  readonly events: number;
  readonly records: number;
  readonly tasks: number;
  readonly makespanUs: number;
}

type Counts = Pick<Cost, 'events' | 'records' | 'tasks' | 'makespanUs'>;

function measured(run: () => Counts): Cost {
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  const counts = run();
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    cpuSeconds: (user + system) / 1e6,
    userSeconds: user / 1e6,
    wallSeconds: (performance.now() - wallBefore) / 1e3,
    peakMb: process.resourceUsage().maxRSS / 1024,
    ...counts,
  };
}

function finishedTasks(kinds: Iterable<number>): number {
  let tasks = 0;
  for (const kind of kinds) if (kind === EventKind.TaskFinished) tasks++;
  return tasks;
}

function whole(file: string, check: boolean): Counts {
  const { trace, events, endNs } = simulate(loadScenario(file));
  const monitors = check ? checkTrace(trace).monitors : [];
  // W2 is refuted for eager readiness by design; anything else is a bug of the simulator.
  const bad = monitors.filter(({ id, verdict }) => verdict === 'violated' && id !== 'W2');
  if (bad.length > 0) throw new Error(`${file}: ${bad.map(({ id }) => id).join(', ')} violated`);
  const { kind } = trace.events;
  return { events, records: kind.length, tasks: finishedTasks(kind), makespanUs: endNs / 1e3 };
}

/** Runs a world whose records are counted and dropped: a trace would take 30 bytes an event. */
function untraced(scenario: Scenario, routing: Routing): Counts {
  let records = 0;
  let tasks = 0;
  const sink = {
    add(_time: number, _launch: number, _rank: number, _actor: number, kind: number): void {
      records++;
      if (kind === EventKind.TaskFinished) tasks++;
    },
  };
  const { events, endNs } = simulateUntraced(scenario, () => sink, { routing });
  return { events, records, tasks, makespanUs: endNs / 1e3 };
}

function cost(what: string | undefined, size: string, option: string | undefined): Cost {
  if (what === 'file') return measured(() => whole(size, option === 'check'));
  const ranks = Number(size);
  if (what === 'neighbours') {
    // 256 rows a cell, whatever the number of experts.
    const scenario = wideWorld(ranks, { capacity: ranks / 8 });
    return measured(() => untraced(scenario, neighbourRouting(scenario)));
  }
  if (what === 'uniform') {
    const scenario = wideWorld(ranks, { capacity: 8 }, { rows: 128, cols: Number(option) });
    return measured(() => untraced(scenario, routeTokens(scenario)));
  }
  throw new Error('expected file, neighbours or uniform; then a scenario or a number of ranks');
}

const [what, size = '', option] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(cost(what, size, option))}\n`);
