import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../sim/check/check-trace.ts';
import type { InvariantId } from '../../sim/check/report.ts';
import { placementOf } from '../../sim/moe/placement.ts';
import type { Scenario } from '../../sim/moe/scenario.ts';
import { shapeOf } from '../../sim/moe/shape-of.ts';
import { gemm0Tasks } from '../../sim/moe/task.ts';
import { rankTasks } from '../../sim/moe/task-set.ts';
import { simulate } from '../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../sim/trace/generated/events.ts';
import type { Trace } from '../../sim/trace/trace.ts';
import { machineWith, unboundedMemory } from '../support/machines.ts';
import { machines, scenarios } from './simulator-worlds.ts';

/** What the trace of every scenario decides, whatever its policy. */
const always: readonly InvariantId[] = [
  ...(['L2', 'L4', 'L5', 'L6', 'L8'] as const),
  ...(['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8'] as const),
  ...(['T1', 'T2', 'T3', 'T4', 'T5', 'W5'] as const),
];

function verdicts(trace: Trace): Map<InvariantId, string> {
  const { monitors } = checkTrace(trace);
  return new Map(
    monitors.map(({ id, verdict, violations }) => {
      const first = violations[0];
      return [id, first === undefined ? verdict : `${verdict}: ${first.message}`];
    }),
  );
}

/** Tasks of a kind of event: `launch:rank:task`, sorted. */
function tasksOf(trace: Trace, kind: number): string[] {
  const { events } = trace;
  const found: string[] = [];
  for (let row = 0; row < events.time.length; row++) {
    if (events.kind[row] !== kind) continue;
    found.push(`${events.launch[row]}:${events.rank[row]}:${events.a[row]}`);
  }
  return found.sort();
}

/** Both kernels, and tiles that take processors of two blocks. */
const kernels: readonly [string, Readonly<Record<string, string>>][] = [
  ['mma', {}],
  ['wgmma', { 'world.gemm': 'wgmma' }],
  ['wgmma in pairs', { 'world.gemm': 'wgmma', 'tiles.rows': '72', 'tiles.cols': '192' }],
];

describe.each(kernels)('a launch of the kernel %s', (_, kernel) => {
  test('on an H200 ends, and its trace shows every invariant that a trace can show', () => {
    fc.assert(
      fc.property(scenarios(kernel), (scenario) => {
        const found = verdicts(simulate(scenario).trace);
        for (const id of always) expect(`${id} ${found.get(id)}`).toBe(`${id} held`);
      }),
    );
  });

  test('on any machine ends, and its trace shows every invariant that a trace can show', () => {
    fc.assert(
      fc.property(scenarios(kernel), machines, (scenario, machine) => {
        const found = verdicts(simulate(scenario, { machine }).trace);
        for (const id of always) expect(`${id} ${found.get(id)}`).toBe(`${id} held`);
        const reuse = scenario.launches > 1 ? 'held' : 'undecided';
        expect(`S9 ${found.get('S9')}`).toBe(`S9 ${reuse}`);
      }),
    );
  });

  test('runs exactly the tasks of the oracle, each once, at every step', () => {
    fc.assert(
      fc.property(scenarios(kernel), (scenario) => {
        const { trace } = simulate(scenario);
        const shape = shapeOf(scenario);
        const placement = placementOf(scenario);
        const oracle = trace.header.rows
          .flatMap((rows, launch) =>
            scenario.model.tokens.flatMap((_, rank) =>
              [...rankTasks(shape, placement, rows, rank)].map(
                (task) => `${launch}:${rank}:${task}`,
              ),
            ),
          )
          .sort();
        expect(tasksOf(trace, EventKind.TaskCommitted)).toEqual(oracle);
        expect(tasksOf(trace, EventKind.TaskConsumed)).toEqual(oracle);
        expect(tasksOf(trace, EventKind.TaskStarted)).toEqual(oracle);
        expect(tasksOf(trace, EventKind.TaskFinished)).toEqual(oracle);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a simulated launch', () => {
  test('gives the same columns for the same seed, and other times for another', () => {
    let others = 0;
    fc.assert(
      fc.property(scenarios({ 'noise.durationPpm': '500000' }), (scenario) => {
        const first = simulate(scenario).trace;
        expect(simulate(scenario).trace).toEqual(first);
        const other = simulate({ ...scenario, seed: scenario.seed + 1 }).trace;
        if (String(other.events.time) !== String(first.events.time)) others++;
      }),
      { numRuns: 25 },
    );
    expect(others).toBeGreaterThan(15);
  });

  test('draws the same durations whatever the policy and the readiness', () => {
    // With unbounded memory a GEMM0 takes its drawn time, whoever reads its weights first.
    const machine = machineWith(unboundedMemory);
    fc.assert(
      fc.property(scenarios({ 'noise.durationPpm': '500000' }), (scenario) => {
        const run = (policy: string, readiness: 'eager' | 'lazy'): Map<string, number> =>
          gemm0Durations(simulate({ ...scenario, policy, readiness }, { machine }).trace);
        const durations = run('fifo', 'eager');
        expect(run('static', 'eager')).toEqual(durations);
        expect(run('round-robin', 'lazy')).toEqual(durations);
      }),
      { numRuns: 25 },
    );
  });
});

/** Nanoseconds from start to end of every GEMM0, by `launch:rank:task`. */
function gemm0Durations(trace: Trace): Map<string, number> {
  const { events, header } = trace;
  const gemm0 = gemm0Tasks(shapeOf(header.scenario as Scenario));
  const started = new Map<string, number>();
  const durations = new Map<string, number>();
  for (let row = 0; row < events.time.length; row++) {
    if (events.a[row]! >= gemm0) continue;
    const key = `${events.launch[row]}:${events.rank[row]}:${events.a[row]}`;
    if (events.kind[row] === EventKind.TaskStarted) started.set(key, events.time[row]!);
    if (events.kind[row] === EventKind.TaskFinished) {
      durations.set(key, events.time[row]! - started.get(key)!);
    }
  }
  return new Map([...durations].sort(([x], [y]) => (x < y ? -1 : 1)));
}
