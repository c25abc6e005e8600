import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FluidResource, Simulation } from '../../../sim/engine/index.ts';

interface Flow {
  readonly start: number;
  readonly amount: number;
  readonly cap: number;
}

/** Ends of all flows of a run. */
function ends(capacity: number, caps: readonly number[], flows: readonly Flow[]): number[] {
  const sim = new Simulation();
  const resource = new FluidResource(sim, 'link', capacity, caps);
  const end: number[] = flows.map(() => Number.NaN);
  const ended = sim.handle((flow) => {
    end[flow] = sim.now;
  });
  const start = sim.handle((flow) => {
    const { amount, cap } = flows[flow]!;
    resource.start(caps.indexOf(cap), amount, ended, flow, 0);
  });
  for (const [flow, { start: at }] of flows.entries()) sim.at(at, start, flow, 0);
  sim.run();
  expect(resource.flows).toBe(0);
  return end;
}

/** Max-min fair rates by progressive filling, flow by flow. */
function fairRates(capacity: number, caps: readonly number[]): number[] {
  const rates = caps.map(() => 0);
  const order = caps.map((_, i) => i).sort((x, y) => caps[x]! - caps[y]!);
  let left = capacity;
  for (const [served, i] of order.entries()) {
    const rate = Math.min(caps[i]!, left / (caps.length - served));
    rates[i] = rate;
    left -= rate;
  }
  return rates;
}

/** The same in real time, one flow at a time: exact ends, before rounding up to ticks. */
function oracle(capacity: number, flows: readonly Flow[]): number[] {
  const left = flows.map(({ amount }) => amount);
  const end = flows.map(() => Number.NaN);
  let now = 0;
  for (;;) {
    const active = flows.flatMap((f, i) => (f.start <= now && Number.isNaN(end[i]) ? [i] : []));
    const rates = fairRates(
      capacity,
      active.map((i) => flows[i]!.cap),
    );
    const starts = flows.map((f) => f.start).filter((start) => start > now);
    const dones = active.map((i, at) => now + left[i]! / rates[at]!);
    const next = Math.min(...starts, ...dones);
    if (next === Number.POSITIVE_INFINITY) return end;
    for (const [at, i] of active.entries()) {
      left[i]! -= rates[at]! * (next - now);
      if (left[i]! <= 1e-6 * flows[i]!.amount) end[i] = next;
    }
    now = next;
  }
}

describe('fluid resource', () => {
  test('a lone flow runs at its cap, many share the capacity', () => {
    const one = { start: 0, amount: 100, cap: 4 };
    expect(ends(10, [4], [one])).toEqual([25]);
    expect(ends(10, [4], [one, one, one, one, one])).toEqual([50, 50, 50, 50, 50]);
  });

  test('what capped flows leave over goes to the others', () => {
    const slow = { start: 0, amount: 20, cap: 2 };
    const fast = { start: 0, amount: 80, cap: 100 };
    // 2 a tick for the capped flow leaves 8 for the other.
    expect(ends(10, [2, 100], [slow, fast])).toEqual([10, 10]);
  });

  test('a flow that ends speeds up those that are left', () => {
    const flow = (start: number, amount: number): Flow => ({ start, amount, cap: 100 });
    // Two share 10 until 20 units each are served at tick 4; then the second runs alone.
    expect(ends(10, [100], [flow(0, 20), flow(0, 60)])).toEqual([4, 8]);
    // A later flow halves the rate of the first.
    expect(ends(10, [100], [flow(0, 60), flow(4, 10)])).toEqual([7, 6]);
  });

  test('a flow started by the end of another shares from that tick on', () => {
    const sim = new Simulation();
    const resource = new FluidResource(sim, 'link', 10, [10]);
    const log: string[] = [];
    const second = sim.handle(() => log.push(`second ${sim.now}`));
    const first = sim.handle(() => {
      log.push(`first ${sim.now}`);
      resource.start(0, 30, second, 0, 0);
    });
    resource.start(0, 20, first, 0, 0);
    sim.run();
    expect(log).toEqual(['first 2', 'second 5']);
    expect(resource.busyTicks).toBe(5);
    expect(resource.total).toBe(50);
  });

  test('agrees with flow-by-flow filling to the tick', () => {
    const caps = [1, 3, 50];
    const flow = fc.record({
      start: fc.nat(200),
      amount: fc.integer({ min: 1, max: 500 }),
      cap: fc.constantFrom(...caps),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(flow, { minLength: 1, maxLength: 12 }),
        (capacity, flows) => {
          const got = ends(capacity, caps, flows);
          const exact = oracle(capacity, flows);
          for (const i of flows.keys()) {
            // A flow is noticed at the tick after its exact end, which delays the speed-up of others by at most a
            // tick per flow that ended before.
            expect(got[i]).toBeGreaterThanOrEqual(Math.floor(exact[i]! - 1e-3));
            expect(got[i]).toBeLessThanOrEqual(Math.ceil(exact[i]! + 1e-3) + flows.length);
          }
        },
      ),
    );
  });

  test('never serves more than its capacity', () => {
    const flow = fc.record({
      start: fc.nat(50),
      amount: fc.integer({ min: 1, max: 300 }),
      cap: fc.constant(7),
    });
    fc.assert(
      fc.property(fc.array(flow, { minLength: 1, maxLength: 20 }), (flows) => {
        const last = Math.max(...ends(10, [7], flows));
        const first = Math.min(...flows.map(({ start }) => start));
        const amount = flows.reduce((sum, f) => sum + f.amount, 0);
        expect((last - first) * 10).toBeGreaterThanOrEqual(amount * (1 - 1e-6));
      }),
    );
  });

  test('refuses capacities, caps and amounts that mean nothing', () => {
    const sim = new Simulation();
    expect(() => new FluidResource(sim, 'link', 0, [1])).toThrow(
      'link: expected a positive capacity',
    );
    expect(() => new FluidResource(sim, 'link', 1, [])).toThrow('positive caps');
    expect(() => new FluidResource(sim, 'link', 1, [2, 1])).toThrow(
      'expected ascending caps, got [2, 1]',
    );
    const link = new FluidResource(sim, 'link', 1, [1]);
    expect(() => link.start(0, 0, 0, 0, 0)).toThrow('link: expected a positive amount, got 0');
  });
});
