import { describe, expect, it } from 'vitest';
import { ComparisonError, compareTraces } from '../../../sim/compare/compare.ts';
import { type HandEvent, handLaunch, handTrace } from './hand-trace.ts';

const simulated = handTrace(handLaunch(0));

/** The launch with every time doubled. */
function slower(launch: number): readonly HandEvent[] {
  return handLaunch(launch).map(([time, ...rest]) => [time * 2, ...rest] as const);
}

describe('compareTraces', () => {
  it('error is (simulated - measured) / measured', () => {
    const { errors } = compareTraces(simulated, handTrace(slower(0), { source: 'gpu' }));
    const makespan = errors.find((figure) => figure.id === 'makespan');
    expect(makespan).toMatchObject({ simulated: 1000, measured: 2000, error: -0.5, unit: 'ns' });
    expect(errors.find((figure) => figure.id === 'utilisation')?.error).toBeCloseTo(0, 12);
  });

  it('has no error where the measured figure is zero or unknown', () => {
    const { errors } = compareTraces(simulated, handTrace(slower(0)));
    expect(errors.find((figure) => figure.id === 'overlap')?.error).toBeNull();
    expect(errors.find((figure) => figure.id === 'gate')).toMatchObject({
      simulated: null,
      measured: null,
      error: null,
    });
  });

  it('matches equal work', () => {
    const { taskSets } = compareTraces(simulated, handTrace(slower(0)));
    expect(taskSets).toMatchObject({ matched: true, tasks: 3, mismatchCount: 0, launches: [0] });
  });

  it('names a task that one half did not run', () => {
    const without = slower(0).filter((event) => !(event[6] === 2 && event[4] === 'TaskFinished'));
    const { taskSets } = compareTraces(simulated, handTrace(without));
    expect(taskSets.matched).toBe(false);
    expect(taskSets.mismatches).toEqual([
      {
        launch: 0,
        rank: 0,
        message: 'COMBINE(expert 0, row block 0, column 0) ran 1 times simulated, 0 times measured',
      },
    ]);
  });

  it('names a task that ran twice', () => {
    const again: HandEvent = [1950, 0, 0, 1, 'TaskFinished', 0, 1, 0];
    const twice = slower(0).toSpliced(-1, 0, again);
    const { taskSets } = compareTraces(simulated, handTrace(twice));
    expect(taskSets.mismatches.map((mismatch) => mismatch.message)).toEqual([
      'GEMM1(source 0, slot 0, row block 0, column 0) ran 1 times simulated, 2 times measured',
    ]);
  });

  it('names routing that differs', () => {
    const { taskSets } = compareTraces(simulated, handTrace(slower(0), { rows: [[[7]]] }));
    expect(taskSets.mismatches[0]?.message).toBe(
      'rows routed to expert 0 differ: simulated 8, measured 7',
    );
  });

  it('takes figures only from launches that both hold', () => {
    const both = handTrace([...handLaunch(0), ...handLaunch(1), ...handLaunch(2)]);
    const late = handTrace(slower(2), { firstLaunch: 2, scenarioHash: both.header.scenarioHash });
    const comparison = compareTraces(both, late);
    expect(comparison).toMatchObject({ launches: [2], skippedWarmUp: true });
    expect(comparison.taskSets.launches).toEqual([2]);
  });

  it('refuses traces of different scenarios and traces without a common launch', () => {
    const other = handTrace(handLaunch(0), { scenarioHash: 'other' });
    expect(() => compareTraces(simulated, other)).toThrow(ComparisonError);
    const later = handTrace(handLaunch(5), { firstLaunch: 5 });
    expect(() => compareTraces(simulated, later)).toThrow(/no launch in common.*0.*5/);
  });
});
