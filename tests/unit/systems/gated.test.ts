import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../../sim/check/check-trace.ts';
import { decodeTask, Op, shapeOf, w1Rows } from '../../../sim/moe/layout.ts';
import { simulate } from '../../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { runScenario } from '../../support/run-scenario.ts';

const sizes = {
  'world.ranks': '1',
  'world.blocks': '2',
  'model.intermediate': '192',
  launches: '1',
};

function simulated(activation: string, set: Readonly<Record<string, string>> = {}): Trace {
  return simulate(runScenario({ ...sizes, ...set, 'model.activation': activation })).trace;
}

/** Tasks of a kind and the nanoseconds they took together, on the one processor of {@link sizes}. */
function timeOf(trace: Trace, activation: string, op: number): { tasks: number; ns: number } {
  const shape = shapeOf(runScenario({ ...sizes, 'model.activation': activation }));
  const { events } = trace;
  let tasks = 0;
  let ns = 0;
  for (let row = 0; row < events.time.length; row++) {
    const kind = events.kind[row];
    if (kind !== EventKind.TaskStarted && kind !== EventKind.TaskFinished) continue;
    if (decodeTask(shape, events.a[row]!).op !== op) continue;
    if (kind === EventKind.TaskFinished) tasks += 1;
    ns += kind === EventKind.TaskFinished ? events.time[row]! : -events.time[row]!;
  }
  return { tasks, ns };
}

describe('a gated activation', () => {
  test.each(['swiglu', 'geglu'])('%s doubles the rows of W1 and nothing else', (activation) => {
    const gated = shapeOf(runScenario({ ...sizes, 'model.activation': activation }));
    const plain = shapeOf(runScenario({ ...sizes, 'model.activation': 'silu' }));
    expect([w1Rows(gated), w1Rows(plain)]).toEqual([384, 192]);
    expect({ ...gated, gated: undefined }).toEqual({ ...plain, gated: undefined });
  });

  test('doubles the tasks and the time of GEMM0, not of GEMM1', () => {
    const gated = simulated('swiglu');
    const plain = simulated('silu');
    const [gated0, plain0] = [timeOf(gated, 'swiglu', Op.Gemm0), timeOf(plain, 'silu', Op.Gemm0)];
    const [gated1, plain1] = [timeOf(gated, 'swiglu', Op.Gemm1), timeOf(plain, 'silu', Op.Gemm1)];
    expect(plain0.tasks).toBeGreaterThan(0);
    expect(gated0).toEqual({ tasks: 2 * plain0.tasks, ns: 2 * plain0.ns });
    expect(gated1).toEqual(plain1);
  });

  test('leaves a trace that no monitor refutes, several ranks and narrow last tiles included', () => {
    const set = { 'world.ranks': '2', 'world.blocks': '4', 'tiles.cols': '128' };
    const { monitors } = checkTrace(simulated('geglu', set));
    expect(monitors.flatMap(({ violations }) => violations)).toEqual([]);
  });
});
