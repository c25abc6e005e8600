import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FluidResource } from '../../../sim/engine/fluid.ts';
import { ShareBank } from '../../../sim/engine/share-bank.ts';
import { Simulation } from '../../../sim/engine/simulation.ts';

interface Job {
  readonly at: number;
  readonly flow: number;
  readonly amount: number;
}

/** Ends of jobs, `flow@tick`, of a bank of `units` resources; jobs of a flow that still runs are left out. */
function endsOnBank(jobs: readonly Job[], units: number, cap: number): string[] {
  const sim = new Simulation();
  const ends: string[] = [];
  const running = new Set<number>();
  const done = sim.handle((owner, flow) => {
    expect(owner).toBe(9);
    running.delete(flow);
    ends.push(`${flow}@${sim.now}`);
  });
  const bank = new ShareBank(sim, { owners: 10, units, flows: 3 * units, capacity: 1, cap }, done);
  const begin = sim.handle((job) => {
    const { flow, amount } = jobs[job]!;
    if (running.has(flow)) return;
    running.add(flow);
    bank.start(9, flow, amount);
  });
  jobs.forEach(({ at }, job) => sim.at(at, begin, job, 0));
  sim.run();
  expect(running.size).toBe(0);
  return ends.sort();
}

/** The same on one FluidResource for each unit. */
function endsOnFluids(jobs: readonly Job[], units: number, cap: number): string[] {
  const sim = new Simulation();
  const ends: string[] = [];
  const running = new Set<number>();
  const done = sim.handle((flow) => {
    running.delete(flow);
    ends.push(`${flow}@${sim.now}`);
  });
  const fluids = Array.from(
    { length: units },
    (_, unit) => new FluidResource(sim, `unit ${unit}`, 1, [cap]),
  );
  const begin = sim.handle((job) => {
    const { flow, amount } = jobs[job]!;
    if (running.has(flow)) return;
    running.add(flow);
    fluids[flow % units]!.start(0, amount, done, flow, 0);
  });
  jobs.forEach(({ at }, job) => sim.at(at, begin, job, 0));
  sim.run();
  return ends.sort();
}

describe('share bank', () => {
  test('serves like one fluid resource a unit', () => {
    const job = fc.record({
      at: fc.nat(2000),
      flow: fc.nat(5),
      amount: fc.oneof(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0.01, max: 500, noNaN: true }),
      ),
    });
    const cap = fc.constantFrom(0.25, 0.5, 0.7, 1);
    fc.assert(
      fc.property(fc.array(job, { maxLength: 25 }), cap, (jobs, cap) => {
        expect(endsOnBank(jobs, 2, cap)).toEqual(endsOnFluids(jobs, 2, cap));
      }),
    );
  });

  test('a flow alone runs at its cap, two share evenly, and the one left speeds up', () => {
    const jobs = [
      { at: 0, flow: 0, amount: 70 },
      { at: 0, flow: 1, amount: 50 },
      { at: 0, flow: 3, amount: 100 },
    ];
    // Flow 0 is alone on unit 0: 70 / 0.7. On unit 1 both run at 0.5 until flow 1 ends at 100; 50 are left at 0.7.
    expect(endsOnBank(jobs, 2, 0.7)).toEqual(['0@100', '1@100', '3@172']);
  });

  test('a handler may start the flow that just ended', () => {
    const sim = new Simulation();
    const ends: number[] = [];
    const done = sim.handle((_owner, flow) => {
      ends.push(sim.now);
      if (ends.length < 3) bank.start(0, flow, 10);
    });
    const bank = new ShareBank(sim, { owners: 1, units: 1, flows: 1, capacity: 1, cap: 1 }, done);
    bank.start(0, 0, 10);
    sim.run();
    expect(ends).toEqual([10, 20, 30]);
  });

  test('refuses a flow that runs, no work, and no capacity', () => {
    const sim = new Simulation();
    const done = sim.handle(() => {});
    const bank = new ShareBank(sim, { owners: 1, units: 1, flows: 2, capacity: 1, cap: 1 }, done);
    bank.start(0, 0, 5);
    expect(() => bank.start(0, 0, 5)).toThrow('expected an idle flow');
    expect(() => bank.start(0, 1, 0)).toThrow('positive amount, got 0');
    const sizes = { owners: 1, units: 1, flows: 2, capacity: 0, cap: 1 };
    expect(() => new ShareBank(sim, sizes, done)).toThrow('expected positive sizes');
  });
});
