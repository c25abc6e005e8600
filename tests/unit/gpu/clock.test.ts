import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitClocks } from '../../../sim/gpu/clock.ts';
import { decodeRing, type Ring } from '../../../sim/gpu/ring.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { ringBytes } from '../../support/ring-bytes.ts';

const epochNs = 1_800_000_000_000_000_000n;

/** What the GPU's timer shows at a true time: steps of 32 ns, and every seventh step is missed. */
function timer(trueNs: number): bigint {
  const steps = Math.floor(trueNs / 32);
  return epochNs + 32n * BigInt(steps % 7 === 6 ? steps - 1 : steps);
}

/** A ring whose SM counter reads `counter` at true time 0, with its anchors read at two true times, ns. */
function ringOf(nsPerTick: number, counter: number, begin: number, end: number): Ring {
  const ticksAt = (ns: number): bigint => BigInt(counter + Math.round(ns / nsPerTick));
  const bytes = ringBytes({
    anchors: [timer(begin), timer(end)],
    ticks: [ticksAt(begin), ticksAt(end)],
    records: [
      [0, EventKind.LaunchBegin, 0, 0, 1],
      [Number(ticksAt(end) - ticksAt(begin)), EventKind.Exit, 0, 0, 0],
    ],
  });
  return decodeRing('ring', bytes);
}

describe('fitting the clocks of a launch', () => {
  it('finds the rate that all rings share', () => {
    const rings = [ringOf(0.5, 10, 0, 320_000), ringOf(0.5, 99_999, 64, 640_064)];
    expect(fitClocks(rings).nsPerTick).toBeCloseTo(0.5, 4);
  });

  it("finds the timer's step", () => {
    const rings = [ringOf(0.5, 0, 0, 32_000), ringOf(0.5, 0, 96, 64_000)];
    expect(fitClocks(rings).stepNs).toBe(32);
  });

  it('bounds the error: aligned times of one instant differ by no more than the residual', () => {
    const moment = fc.record({
      counter: fc.integer({ min: 0, max: 1e9 }),
      begin: fc.integer({ min: 0, max: 5_000 }),
      length: fc.integer({ min: 200_000, max: 900_000 }),
    });
    fc.assert(
      fc.property(fc.array(moment, { minLength: 2, maxLength: 20 }), (moments) => {
        const rate = 1000 / 1980;
        const rings = moments.map((m) => ringOf(rate, m.counter, m.begin, m.begin + m.length));
        const fit = fitClocks(rings);
        const estimated = rings.map((_, i) => fit.offsets[i]! - moments[i]!.begin);
        const spread = Math.max(...estimated) - Math.min(...estimated);
        // Half a tick of rounding at each end of each ring is in the data itself.
        expect(spread).toBeLessThanOrEqual(fit.residualNs + 2);
        expect(fit.residualNs).toBeLessThanOrEqual(6 * fit.stepNs);
      }),
    );
  });

  it('says so when the rate varied: the residual covers both readings', () => {
    const steady = ringOf(0.5, 0, 0, 320_000);
    const slowed = ringOf(0.5016, 0, 0, 320_000);
    const fit = fitClocks([steady, slowed]);
    expect(fit.residualNs).toBeGreaterThan(0.0008 * 320_000);
  });

  it('gives silent rings no say', () => {
    const silent = decodeRing(
      'ring',
      ringBytes({ anchors: [0n, 0n], ticks: [0n, 0n], records: [] }),
    );
    const fit = fitClocks([silent, ringOf(0.5, 0, 64, 32_064)]);
    expect(fit.originNs).toBe(timer(64));
    expect(fit.nsPerTick).toBeCloseTo(0.5, 5);
  });

  it('refuses what cannot be fitted', () => {
    expect(() => fitClocks([])).toThrow('no trace ring has a record');
    const still = ringBytes({ anchors: [5n, 5n], ticks: [7n, 7n], records: [[0, 1, 0, 0, 0]] });
    expect(() => fitClocks([decodeRing('ring', still)])).toThrow('the clock rate cannot be told');
    const back = ringBytes({ anchors: [50n, 5n], ticks: [7n, 9n], records: [[0, 1, 0, 0, 0]] });
    expect(() => fitClocks([decodeRing('ring', back)])).toThrow('its clock went back');
  });
});
