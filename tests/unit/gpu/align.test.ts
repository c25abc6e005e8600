import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignGpus, type SignalStamp } from '../../../sim/gpu/align.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';

/** A signal sent at a true time and observed after a delay, each stamped by its own GPU's clock. */
function signal(
  from: number,
  to: number,
  flag: number,
  sentNs: number,
  delayNs: number,
  clocks: readonly number[],
): SignalStamp[] {
  return [
    {
      kind: EventKind.SignalObserved,
      rank: to,
      peer: from,
      flag,
      timeNs: sentNs + delayNs + clocks[to]!,
    },
    { kind: EventKind.SignalSent, rank: from, peer: to, flag, timeNs: sentNs + clocks[from]! },
  ];
}

const oneRankEach = (rank: number): number => rank;

describe('aligning the clocks of several GPUs', () => {
  it('takes equal delays out exactly', () => {
    const clocks = [0, 5000];
    const stamps = [...signal(0, 1, 3, 100, 700, clocks), ...signal(1, 0, 4, 90, 700, clocks)];
    expect(alignGpus(2, oneRankEach, stamps)).toEqual({ offsets: [0, -5000], residualNs: 700 });
  });

  it('never misses the true offset by more than the residual', () => {
    const one = fc.record({ sent: fc.nat(100_000), delay: fc.integer({ min: 1, max: 5000 }) });
    const many = fc.array(one, { minLength: 1, maxLength: 10 });
    const drift = fc.integer({ min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(drift, many, many), { minLength: 1, maxLength: 4 }), (gpus) => {
        const clocks = [0, ...gpus.map(([offset]) => offset)];
        const stamps = gpus.flatMap(([, away, back], i) => [
          ...away.flatMap((s, flag) => signal(0, i + 1, flag, s.sent, s.delay, clocks)),
          ...back.flatMap((s, flag) => signal(i + 1, 0, flag, s.sent, s.delay, clocks)),
        ]);
        const { offsets, residualNs } = alignGpus(clocks.length, oneRankEach, stamps);
        const errors = clocks.map((clock, gpu) => clock + offsets[gpu]!);
        const spread = Math.max(...errors) - Math.min(...errors);
        expect(spread).toBeLessThanOrEqual(residualNs);
      }),
    );
  });

  it('says which GPU cannot be aligned', () => {
    const oneWay = signal(0, 1, 3, 100, 700, [0, 0]);
    expect(() => alignGpus(2, oneRankEach, oneWay)).toThrow(
      'GPU 0 and GPU 1 exchanged no signals: their clocks cannot be aligned',
    );
  });
});
