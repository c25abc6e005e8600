import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../sim/check/check-trace.ts';
import { simulate } from '../../sim/systems/fused/simulate.ts';
import { machineWith } from '../support/machines.ts';
import { scenarios } from './simulator-worlds.ts';

const put = { 'world.transport': 'put' };

const nodes = fc
  .record({
    gpusPerNode: fc.integer({ min: 1, max: 3 }),
    nicsPerNode: fc.integer({ min: 1, max: 3 }),
    nicBytesPerNs: fc.constantFrom(0.5, 50),
    nicNs: fc.constantFrom(0, 100, 5000),
  })
  .map(machineWith);

describe('a world of several nodes', () => {
  test('keeps every invariant that its trace can show, whatever its rails', () => {
    fc.assert(
      fc.property(scenarios(put), nodes, (scenario, machine) => {
        const { monitors } = checkTrace(simulate(scenario, { machine }).trace);
        // W1 and S10 hold for policy fifo, W2 for lazy readiness.
        const perPolicy = new Set(['W1', 'W2', 'S10']);
        const bad = monitors.filter(
          ({ id, verdict }) => verdict === 'violated' && !perPolicy.has(id),
        );
        expect(bad.map(({ id, violations }) => `${id}: ${violations[0]?.message}`)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('no card serves more than its capacity, and all that leaves cards enters cards', () => {
    let used = 0;
    fc.assert(
      fc.property(scenarios(put), nodes, (scenario, machine) => {
        const { resources } = simulate(scenario, { machine });
        const cards = resources.filter(({ name }) => name.startsWith('NIC'));
        const rate = machine.constants.nicBytesPerNs.value;
        const sum = { in: 0, out: 0 };
        for (const { name, bytes, busyNs } of cards) {
          expect(bytes).toBeLessThanOrEqual(rate * busyNs * (1 + 1e-6));
          sum[name.endsWith('in') ? 'in' : 'out'] += bytes;
        }
        expect(sum.in).toBe(sum.out);
        if (sum.in > 0) used++;
      }),
      { numRuns: 120 },
    );
    // About one generated world in fifteen has ranks on several nodes that send to each other.
    expect(used).toBeGreaterThan(0);
  });

  test('gives the same trace whatever the window in which GPUs are simulated one after the other', () => {
    fc.assert(
      fc.property(
        scenarios(put),
        nodes,
        fc.integer({ min: 1, max: 400 }),
        (scenario, machine, windowNs) => {
          const whole = simulate(scenario, { machine });
          const short = simulate(scenario, { machine, windowNs });
          expect(short.trace.events).toEqual(whole.trace.events);
          expect(short.resources).toEqual(whole.resources);
        },
      ),
      { numRuns: 60 },
    );
  });
});
