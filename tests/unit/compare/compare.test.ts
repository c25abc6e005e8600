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
        message: 'COMBINE(expert 0, row block 0, column 0) ran 1x simulated, 0x measured',
      },
    ]);
  });

  it('names a task that ran twice', () => {
    const again: HandEvent = [1950, 0, 0, 1, 'TaskFinished', 0, 1, 0];
    const twice = slower(0).toSpliced(-1, 0, again);
    const { taskSets } = compareTraces(simulated, handTrace(twice));
    expect(taskSets.mismatches.map((mismatch) => mismatch.message)).toEqual([
      'GEMM1(source 0, slot 0, row block 0, column 0) ran 1x simulated, 2x measured',
    ]);
  });

  it('names routing that differs', () => {
    const { taskSets } = compareTraces(simulated, handTrace(slower(0), { rows: [[[7]]] }));
    expect(taskSets.mismatches[0]?.message).toBe(
      'rows routed to expert 0 differ: simulated 8, measured 7',
    );
  });

  it('aligns launches of the scenario: warm-ups that a GPU did not record are no launches of it', () => {
    const two = handTrace([...handLaunch(0), ...handLaunch(1)]);
    const warm = handTrace([...slower(2), ...slower(3)], { firstLaunch: 2, source: 'gpu' });
    const comparison = compareTraces(two, warm);
    expect(comparison).toMatchObject({ launches: [0, 1], skippedWarmUp: false });
    expect(comparison.taskSets).toMatchObject({ matched: true, launches: [0, 1], tasks: 6 });
    expect(comparison.simulated.makespanNs.count).toBe(2);
  });

  it('leaves a warm-up launch that the GPU recorded out of both halves', () => {
    const two = handTrace([...handLaunch(0), ...handLaunch(1)]);
    const cold = handTrace([...slower(0), ...slower(1)]);
    const comparison = compareTraces(two, cold);
    expect(comparison).toMatchObject({ launches: [1], skippedWarmUp: true });
    expect(comparison.simulated.launches).toEqual([1]);
  });

  it('compares what a shorter trace holds', () => {
    const three = handTrace([...handLaunch(0), ...handLaunch(1), ...handLaunch(2)]);
    const short = handTrace(slower(5), {
      firstLaunch: 5,
      scenarioHash: three.header.scenarioHash,
    });
    expect(compareTraces(three, short)).toMatchObject({ launches: [0], skippedWarmUp: false });
  });

  it('names settings that differ', () => {
    const other = handTrace(slower(0), { readiness: 'lazy' });
    expect(compareTraces(simulated, other).settings).toEqual([
      'readiness: simulated eager, measured lazy',
    ]);
    const ranks = simulated.header.ranks.map((rank) => ({ ...rank, blocks: 6, processors: 2 }));
    const pairs = { ...simulated, header: { ...simulated.header, ranks } };
    expect(compareTraces(simulated, pairs).settings).toEqual([
      'blocks of the ranks: simulated 3, measured 6',
    ]);
    expect(compareTraces(simulated, simulated).settings).toEqual([]);
  });

  it('refuses traces of different scenarios and empty traces', () => {
    const other = handTrace(handLaunch(0), { scenarioHash: 'other' });
    expect(() => compareTraces(simulated, other)).toThrow(ComparisonError);
    const empty = handTrace([], { scenarioHash: simulated.header.scenarioHash, launches: 0 });
    expect(() => compareTraces(simulated, empty)).toThrow(/no launch.*simulated 0, measured none/);
  });
});
