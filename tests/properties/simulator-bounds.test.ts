import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeTask,
  gemm0Cols,
  gemm0Task,
  gemm1Task,
  Op,
  type Shape,
} from '../../sim/moe/layout.ts';
import { placementOf } from '../../sim/moe/placement.ts';
import type { Scenario } from '../../sim/moe/scenario.ts';
import { shapeOf } from '../../sim/moe/shape-of.ts';
import { gpuOf } from '../../sim/moe/world.ts';
import { simulate } from '../../sim/systems/fused/simulate.ts';
import { EventKind, putRowBits } from '../../sim/trace/generated/events.ts';
import { processorsOf } from '../../sim/trace/rank-actors.ts';
import type { Trace } from '../../sim/trace/trace.ts';
import { latencyFree, machineWith } from '../support/machines.ts';
import { scenarios } from './simulator-worlds.ts';

/** One task of one launch and rank, in ns since the launch began. */
interface Run {
  readonly task: number;
  readonly actor: number;
  readonly ready: number;
  readonly committed: number;
  readonly started: number;
  readonly finished: number;
}

interface LaunchRuns {
  readonly launch: number;
  readonly rank: number;
  /** First and last event of the rank in the launch. */
  readonly begin: number;
  readonly end: number;
  readonly runs: readonly Run[];
}

/** Steps of every task, read from the trace alone. */
function launchRuns(trace: Trace): LaunchRuns[] {
  const { events, header } = trace;
  const found: LaunchRuns[] = [];
  for (let launch = 0; launch < header.launches; launch++) {
    for (let rank = 0; rank < header.ranks.length; rank++) {
      const steps = new Map<number, Record<string, number>>();
      const of = (task: number): Record<string, number> => {
        const known = steps.get(task) ?? { task };
        steps.set(task, known);
        return known;
      };
      let begin = Number.POSITIVE_INFINITY;
      let end = 0;
      for (let row = 0; row < events.time.length; row++) {
        if (events.launch[row] !== launch || events.rank[row] !== rank) continue;
        const time = events.time[row]!;
        const a = events.a[row]!;
        begin = Math.min(begin, time);
        end = Math.max(end, time);
        if (events.kind[row] === EventKind.TasksReady) {
          for (let task = a; task < a + (events.b[row]! & 0xfff); task++) of(task)['ready'] = time;
        }
        if (events.kind[row] === EventKind.TaskCommitted) of(a)['committed'] = time;
        if (events.kind[row] === EventKind.TaskStarted) {
          Object.assign(of(a), { started: time, actor: events.actor[row]! });
        }
        if (events.kind[row] === EventKind.TaskFinished) of(a)['finished'] = time;
      }
      found.push({ launch, rank, begin, end, runs: [...steps.values()] as unknown as Run[] });
    }
  }
  return found;
}

function total(runs: readonly Run[], of: (run: Run) => number): number {
  return runs.reduce((sum, run) => sum + of(run), 0);
}

const duration = (run: Run): number => run.finished - run.started;

/** Longest chain GEMM0 -> GEMM1 -> (on the same rank, single-rank worlds) COMBINE by durations. */
function criticalPath(shape: Shape, scenario: Scenario, { runs, rank }: LaunchRuns): number {
  const placement = placementOf(scenario);
  const byTask = new Map(runs.map((run) => [run.task, run]));
  let longest = 0;
  for (const run of runs) {
    const task = decodeTask(shape, run.task);
    let length = duration(run);
    if (task.op === Op.Combine && placement.home(task.expert).rank === rank) {
      const slot = placement.home(task.expert).slot;
      const gemm1 = byTask.get(gemm1Task(shape, slot, rank, task.block, task.col));
      length += gemm1 === undefined ? 0 : withGemm0(shape, byTask, gemm1);
    } else if (task.op === Op.Gemm1) {
      length = withGemm0(shape, byTask, run);
    }
    longest = Math.max(longest, length);
  }
  return longest;
}

/** A GEMM1 tile and the slowest GEMM0 tile of its row block. */
function withGemm0(shape: Shape, byTask: ReadonlyMap<number, Run>, gemm1: Run): number {
  const { expert, peer, block } = decodeTask(shape, gemm1.task);
  let slowest = 0;
  for (let col = 0; col < gemm0Cols(shape); col++) {
    const gemm0 = byTask.get(gemm0Task(shape, expert, peer, block, col));
    slowest = Math.max(slowest, gemm0 === undefined ? 0 : duration(gemm0));
  }
  return slowest + duration(gemm1);
}

/** Bytes of all puts of a launch that leave or enter each GPU. */
function linkBytes(trace: Trace, scenario: Scenario, launch: number): number[] {
  const { events } = trace;
  const shape = shapeOf(scenario);
  const bytes = Array.from({ length: 2 * scenario.world.gpus }, () => 0);
  for (let row = 0; row < events.time.length; row++) {
    if (events.launch[row] !== launch || events.kind[row] !== EventKind.Put) continue;
    const from = gpuOf(scenario.world, events.rank[row]!);
    const to = gpuOf(scenario.world, events.aux[row]!);
    if (from === to) continue;
    const rows = events.b[row]! & ((1 << putRowBits) - 1);
    const column = (events.b[row]! >>> putRowBits) - 1;
    const width =
      column < 0 ? shape.hidden : Math.min(shape.tileCols, shape.hidden - column * shape.tileCols);
    bytes[2 * from]! += rows * width * 2;
    bytes[2 * to + 1]! += rows * width * 2;
  }
  return bytes;
}

describe('bounds of a launch', () => {
  test('W3: no launch is shorter than its work, its longest chain or its links allow', () => {
    // Links slow enough to be the bound in some worlds, B/ns.
    const linkRate = 0.05;
    const machine = machineWith({
      linkBytesPerNs: linkRate,
      smLinkBytesPerNs: linkRate,
      tensorFlopPerNs: 50,
    });
    const bound = { work: 0, chain: 0, link: 0 };
    fc.assert(
      fc.property(scenarios(), (scenario) => {
        const { trace } = simulate(scenario, { machine });
        const shape = shapeOf(scenario);
        const launches = launchRuns(trace);
        for (const ranks of launches) {
          const makespan = ranks.end - ranks.begin;
          const work = total(ranks.runs, duration) / processorsOf(trace.header.ranks[0]!);
          const chain = criticalPath(shape, scenario, ranks);
          expect(makespan).toBeGreaterThanOrEqual(work);
          expect(makespan).toBeGreaterThanOrEqual(chain);
          if (work > makespan / 2) bound.work++;
          if (chain > makespan / 2) bound.chain++;
        }
        for (let launch = 0; launch < scenario.launches; launch++) {
          const ofLaunch = launches.filter((l) => l.launch === launch);
          const makespan =
            Math.max(...ofLaunch.map((l) => l.end)) - Math.min(...ofLaunch.map((l) => l.begin));
          for (const bytes of linkBytes(trace, scenario, launch)) {
            expect(makespan).toBeGreaterThanOrEqual(bytes / linkRate);
            if (bytes / linkRate > makespan / 2) bound.link++;
          }
        }
      }),
    );
    // Each bound is close in some world; otherwise this would prove nothing about it.
    for (const close of Object.values(bound)) expect(close).toBeGreaterThan(0);
  });

  test('W3: no memory or link serves more than its capacity', () => {
    fc.assert(
      fc.property(scenarios(), (scenario) => {
        const machine = machineWith({ hbmBytesPerNs: 3, linkBytesPerNs: 2, smLinkBytesPerNs: 2 });
        for (const { name, bytes, busyNs } of simulate(scenario, { machine }).resources) {
          const capacity = name.endsWith('memory') ? 3 : 2;
          expect({ name, over: bytes > capacity * busyNs * (1 + 1e-6) }).toEqual({
            name,
            over: false,
          });
        }
      }),
      { numRuns: 50 },
    );
  });

  test('W4: greedy, lazy and without latency, at most work / m + (1 - 1/m) x longest chain', () => {
    const machine = latencyFree();
    const fixed = {
      policy: 'fifo',
      readiness: 'lazy',
      'noise.durationPpm': '900000',
      // A put takes a tick even over an unbounded link; a direct store takes none.
      'world.transport': 'direct',
    };
    let close = 0;
    const single = scenarios(fixed).filter(({ world }) => world.ranks === 1);
    fc.assert(
      fc.property(single, (scenario) => {
        const { trace } = simulate(scenario, { machine });
        const m = processorsOf(trace.header.ranks[0]!);
        for (const ranks of launchRuns(trace)) {
          if (ranks.runs.length === 0) continue;
          const released = Math.max(
            ...ranks.runs.filter(({ task }) => task < gemm0End(scenario)).map(({ ready }) => ready),
          );
          const last = Math.max(...ranks.runs.map(({ finished }) => finished));
          const chain = criticalPath(shapeOf(scenario), scenario, ranks);
          const work = total(ranks.runs, duration) / m;
          expect(last - released).toBeLessThanOrEqual(work + (1 - 1 / m) * chain);
          if (last - released > work + (0.5 - 0.5 / m) * chain) close++;
        }
      }),
    );
    expect(close).toBeGreaterThan(0);
  });

  test('W5: queue length over time adds up to the waits, busy time to the durations', () => {
    fc.assert(
      fc.property(scenarios(), (scenario) => {
        for (const { runs } of launchRuns(simulate(scenario).trace)) {
          expect(queueIntegral(runs)).toBe(total(runs, (run) => run.committed - run.ready));
          expect(busyTime(runs)).toBe(total(runs, duration));
        }
      }),
      { numRuns: 50 },
    );
  });
});

function gemm0End(scenario: Scenario): number {
  const shape = shapeOf(scenario);
  return gemm1Task(shape, 0, 0, 0, 0);
}

/** Integral over time of the number of tasks that are ready and not committed. */
function queueIntegral(runs: readonly Run[]): number {
  const steps = runs.flatMap((run) => [
    { time: run.ready, change: 1 },
    { time: run.committed, change: -1 },
  ]);
  steps.sort((x, y) => x.time - y.time || y.change - x.change);
  let integral = 0;
  let length = 0;
  let since = 0;
  for (const { time, change } of steps) {
    integral += length * (time - since);
    length += change;
    since = time;
    expect(length).toBeGreaterThanOrEqual(0);
  }
  return integral;
}

/** Time in which processors are in a task, from each one's own timeline; its tasks must not overlap. */
function busyTime(runs: readonly Run[]): number {
  let busy = 0;
  const timelines = Map.groupBy(runs, (run) => run.actor);
  for (const timeline of timelines.values()) {
    timeline.sort((x, y) => x.started - y.started);
    let free = 0;
    for (const run of timeline) {
      expect(run.started).toBeGreaterThanOrEqual(free);
      free = run.finished;
      busy += free - run.started;
    }
  }
  return busy;
}
