import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FluidBank, FluidResource, Simulation } from '../../../sim/engine/index.ts';

interface Job {
  readonly at: number;
  readonly unit: number;
  readonly amount: number;
}

interface Outcome {
  readonly ends: readonly string[];
  readonly totals: readonly number[];
  readonly busy: readonly number[];
}

const units = 2;

/** Jobs on a bank; with `alone`, each is started alone where its resource is idle. */
function onBank(jobs: readonly Job[], capacity: number, cap: number, alone: boolean): Outcome {
  const sim = new Simulation();
  const ends: string[] = [];
  const lone = new Map<number, number>();
  const done = sim.handle((job) => ends.push(`${job}@${sim.now}`));
  const joined = (job: number): void => {
    lone.delete(job);
    expect(bank.accompany(jobs[job]!.unit, job)).toBe(true);
  };
  const bank = new FluidBank(sim, { units, capacity, cap }, { done, joined });
  const begin = sim.handle((job) => {
    const { unit, amount } = jobs[job]!;
    const may = alone && bank.isIdle(unit) && bank.ticksAlone(amount) < Number.POSITIVE_INFINITY;
    if (may) lone.set(job, bank.startAlone(unit, amount, job));
    else bank.start(unit, amount, job);
  });
  const last = Math.max(0, ...jobs.map(({ at }) => at)) + 1e6;
  jobs.forEach(({ at }, job) => sim.at(at, begin, job, 0));
  sim.at(last, begin, jobs.length, 0);
  jobs = [...jobs, { at: last, unit: 0, amount: 1 }];
  sim.run();
  for (const [job, end] of lone) ends.push(`${job}@${end}`);
  const all = Array.from({ length: units }, (_, unit) => unit);
  return {
    ends: ends.toSorted(),
    totals: all.map((unit) => bank.totalOf(unit)),
    busy: all.slice(1).map((unit) => bank.busyTicksOf(unit)),
  };
}

function onFluids(jobs: readonly Job[], capacity: number, cap: number): Outcome {
  const sim = new Simulation();
  const ends: string[] = [];
  const done = sim.handle((job) => ends.push(`${job}@${sim.now}`));
  const fluids = Array.from(
    { length: units },
    (_, unit) => new FluidResource(sim, `unit ${unit}`, capacity, [cap]),
  );
  const last = Math.max(0, ...jobs.map(({ at }) => at)) + 1e6;
  const all = [...jobs, { at: last, unit: 0, amount: 1 }];
  const begin = sim.handle((job) => {
    const { unit, amount } = all[job]!;
    fluids[unit]!.start(0, amount, done, job, 0);
  });
  all.forEach(({ at }, job) => sim.at(at, begin, job, 0));
  sim.run();
  return {
    ends: ends.toSorted(),
    totals: fluids.map(({ total }) => total),
    busy: fluids.slice(1).map(({ busyTicks }) => busyTicks),
  };
}

const job = fc.record({
  at: fc.nat(300),
  unit: fc.nat(units - 1),
  amount: fc.integer({ min: 1, max: 2000 }),
});

describe('fluid bank', () => {
  test.each([false, true])('serves like one fluid resource a unit (alone: %s)', (alone) => {
    const rates = fc.constantFrom([50, 50], [450, 12], [7, 3]);
    fc.assert(
      fc.property(fc.array(job, { maxLength: 160 }), rates, (jobs, [capacity, cap]) => {
        expect(onBank(jobs, capacity, cap, alone)).toEqual(onFluids(jobs, capacity, cap));
      }),
    );
  });

  test('a flow that ended alone leaves its resource idle', () => {
    const sim = new Simulation();
    const done = sim.handle(() => {});
    const joined = (): void => expect.unreachable();
    const bank = new FluidBank(sim, { units: 1, capacity: 10, cap: 5 }, { done, joined });
    const at = sim.handle(() => {
      expect([sim.now, bank.isIdle(0), bank.flowsOf(0)]).toEqual([21, true, 0]);
      expect([bank.totalOf(0), bank.busyTicksOf(0)]).toEqual([100, 20]);
    });
    expect(bank.startAlone(0, 100, 1)).toBe(20);
    expect([bank.isIdle(0), bank.flowsOf(0)]).toEqual([false, 1]);
    expect(() => bank.startAlone(0, 100, 1)).toThrow('idle resource');
    expect(bank.accompany(0, 3)).toBe(false);
    sim.at(21, at, 0, 0);
    sim.run();
    expect(sim.events).toBe(1);
  });

  test('refuses no work and no capacity', () => {
    const sim = new Simulation();
    const ends = { done: sim.handle(() => {}), joined: (): void => {} };
    const bank = new FluidBank(sim, { units: 1, capacity: 1, cap: 1 }, ends);
    expect(() => bank.start(0, 0, 0)).toThrow('positive amount, got 0');
    expect(() => new FluidBank(sim, { units: 1, capacity: 0, cap: 1 }, ends)).toThrow('positive');
  });
});
