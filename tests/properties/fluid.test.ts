import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FluidResource, Simulation } from '../../sim/engine/index.ts';

/** A resource with flows of some classes running: `counts[i]` flows with cap `caps[i]`, all far from their end. */
function sharing(
  capacity: number,
  caps: readonly number[],
  counts: readonly number[],
): FluidResource {
  const sim = new Simulation();
  const resource = new FluidResource(sim, 'shared', capacity, caps);
  const ended = sim.handle(() => {});
  counts.forEach((count, flowClass) => {
    for (let i = 0; i < count; i++) resource.start(flowClass, 1e9, ended, 0, 0);
  });
  return resource;
}

const worlds = fc.record({
  capacity: fc.integer({ min: 1, max: 60 }),
  caps: fc
    .uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 })
    .map((caps) => caps.toSorted((x, y) => x - y)),
  counts: fc.array(fc.nat(4), { minLength: 4, maxLength: 4 }),
});

/** Rates of all flows, one a flow. */
function ratesOf(resource: FluidResource, counts: readonly number[]): number[] {
  return counts.flatMap((count, c) => Array.from({ length: count }, () => resource.rateOf(c)));
}

/** Every way to give flows whole shares of the capacity, by exhaustion. */
function* allocations(capacity: number, caps: readonly number[]): Generator<number[]> {
  const [cap, ...others] = caps;
  if (cap === undefined) {
    yield [];
    return;
  }
  for (let share = 0; share <= Math.min(cap, capacity); share++) {
    for (const rest of allocations(capacity - share, others)) yield [share, ...rest];
  }
}

/** Negative when `x`, sorted, is smaller than `y`, sorted, at the first place where they differ by more than rounding. */
function compareSorted(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [x.toSorted((p, q) => p - q), y.toSorted((p, q) => p - q)];
  const at = a.findIndex((value, i) => Math.abs(value - b[i]!) > 1e-9);
  return at < 0 ? 0 : a[at]! - b[at]!;
}

describe('fluid resource', () => {
  test('uses all its capacity, or gives every flow its cap', () => {
    fc.assert(
      fc.property(worlds, ({ capacity, caps, counts }) => {
        const used = counts.slice(0, caps.length);
        const rates = ratesOf(sharing(capacity, caps, used), used);
        const wanted = used.reduce((sum, count, c) => sum + count * caps[c]!, 0);
        const sum = rates.reduce((total, rate) => total + rate, 0);
        expect(sum).toBeCloseTo(Math.min(capacity, wanted), 9);
      }),
    );
  });

  test('no flow under its cap runs slower than another: none can gain but from one that has no more', () => {
    fc.assert(
      fc.property(worlds, ({ capacity, caps, counts }) => {
        const used = counts.slice(0, caps.length);
        const resource = sharing(capacity, caps, used);
        const fastest = Math.max(...ratesOf(resource, used), 0);
        for (const [c, cap] of caps.entries()) {
          const rate = resource.rateOf(c);
          const satisfied = used[c] === 0 || rate === cap || Math.abs(rate - fastest) < 1e-9;
          expect([c, satisfied]).toEqual([c, true]);
        }
      }),
    );
  });

  test('no allocation by whole shares is fairer, tried one by one', () => {
    const small = fc.record({
      capacity: fc.integer({ min: 1, max: 12 }),
      caps: fc.constantFrom([1, 4], [2, 3, 9], [5], [1, 2, 3]),
      counts: fc.array(fc.nat(2), { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(small, ({ capacity, caps, counts }) => {
        const used = counts.slice(0, caps.length);
        const rates = ratesOf(sharing(capacity, caps, used), used);
        const flowCaps = used.flatMap((count, c) => Array.from({ length: count }, () => caps[c]!));
        for (const other of allocations(capacity, flowCaps)) {
          expect(compareSorted(rates, other)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test('serves every unit asked for, in no less time than capacity allows and with no drift', () => {
    const flow = fc.record({ at: fc.nat(5000), amount: fc.integer({ min: 1, max: 1_000_000 }) });
    fc.assert(
      fc.property(
        fc.array(flow, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(3, 12, 450),
        (flows, capacity) => {
          const sim = new Simulation();
          const resource = new FluidResource(sim, 'shared', capacity, [capacity]);
          let ends = 0;
          const ended = sim.handle(() => ends++);
          const start = sim.handle((i) => resource.start(0, flows[i]!.amount, ended, 0, 0));
          flows.forEach(({ at }, i) => sim.at(at, start, i, 0));
          sim.run();
          const asked = flows.reduce((sum, { amount }) => sum + amount, 0);
          expect([ends, resource.flows, resource.total]).toEqual([flows.length, 0, asked]);
          // Each end is noticed at the next tick: at most one tick a flow is lost, however long the run.
          expect(resource.busyTicks).toBeGreaterThanOrEqual(Math.floor(asked / capacity));
          expect(resource.busyTicks).toBeLessThanOrEqual(asked / capacity + flows.length);
        },
      ),
    );
  });

  test('a million flows one after another end when arithmetic says', () => {
    const sim = new Simulation();
    const resource = new FluidResource(sim, 'shared', 0.3, [0.1]);
    let left = 1_000_000;
    const next = sim.handle(() => {
      if (--left > 0) resource.start(0, 0.7, next, 0, 0);
    });
    resource.start(0, 0.7, next, 0, 0);
    sim.run();
    expect([left, sim.now]).toEqual([0, 7_000_000]);
  });
});
