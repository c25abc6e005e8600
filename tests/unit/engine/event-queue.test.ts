import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventQueue } from '../../../sim/engine/event-queue.ts';

/** The order asked for, by sorting: (time, sequence). */
class SortedQueue {
  time = 0;
  #pending: { time: number; sequence: number; a: number }[] = [];
  #sequence = 0;

  push(time: number, a: number): void {
    this.#pending.push({ time, sequence: this.#sequence++, a });
    this.#pending.sort((x, y) => x.time - y.time || x.sequence - y.sequence);
  }

  pop(): number | undefined {
    const first = this.#pending.shift();
    this.time = first?.time ?? this.time;
    return first?.a;
  }
}

/** Delays of all magnitudes: ties, neighbours, and steps over every digit boundary of the queue. */
const delay = fc.oneof(
  fc.constant(0),
  fc.nat(3),
  fc.nat(100),
  fc.nat(1 << 20),
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.integer({ min: 0, max: 2 ** 45 }),
);

const step = fc.oneof(
  { weight: 3, arbitrary: delay.map((ns) => ({ push: ns })) },
  { weight: 2, arbitrary: fc.constant({ pop: true as const }) },
);

describe('event queue', () => {
  test('pops in the order of (time, sequence), however pushes and pops interleave', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new EventQueue(1);
        const oracle = new SortedQueue();
        let pushed = 0;
        const popBoth = (): boolean => {
          const expected = oracle.pop();
          expect(queue.pop()).toBe(expected !== undefined);
          if (expected === undefined) return false;
          expect([queue.time, queue.a]).toEqual([oracle.time, expected]);
          return true;
        };
        for (const action of steps) {
          if ('pop' in action) {
            popBoth();
          } else {
            const time = queue.time + action.push;
            queue.push(time, 7, pushed, -pushed);
            oracle.push(time, pushed++);
          }
        }
        while (popBoth());
        expect(queue.size).toBe(0);
      }),
    );
  });

  test('keeps the order over many chunks: floods of events, taken a few at a time', () => {
    const flood = fc.record({
      count: fc.integer({ min: 1, max: 400 }),
      range: fc.constantFrom(1, 4, 50, 3000, 2 ** 22, 2 ** 33),
      pops: fc.nat(300),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(flood, { minLength: 1, maxLength: 12 }), (floods) => {
        const queue = new EventQueue(1);
        const pending: { time: number; a: number }[] = [];
        let pushed = 0;
        const popBoth = (): void => {
          // The first of the earliest: events that came later stand later.
          let first = 0;
          for (let i = 1; i < pending.length; i++) {
            if (pending[i]!.time < pending[first]!.time) first = i;
          }
          const [expected] = pending.splice(first, 1);
          const popped = queue.pop() ? { time: queue.time, a: queue.a } : undefined;
          expect(popped).toEqual(expected);
        };
        for (const { count, range, pops, seed } of floods) {
          for (let i = 0; i < count; i++) {
            const time = queue.time + (((Math.imul(seed + i, 0x9e3779b1) >>> 0) * 7919) % range);
            queue.push(time, 0, pushed, 0);
            pending.push({ time, a: pushed++ });
          }
          for (let i = 0; i < pops; i++) popBoth();
        }
        while (pending.length > 0) popBoth();
        expect(queue.pop()).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test('gives back handler and arguments, negative ones too', () => {
    const queue = new EventQueue();
    queue.push(5, 3, -1, 2147483647);
    queue.push(4, 2, 10, -2147483648);
    expect(queue.pop()).toBe(true);
    expect([queue.time, queue.handler, queue.a, queue.b]).toEqual([4, 2, 10, -2147483648]);
    expect(queue.pop()).toBe(true);
    expect([queue.time, queue.handler, queue.a, queue.b]).toEqual([5, 3, -1, 2147483647]);
    expect(queue.pop()).toBe(false);
  });

  test('keeps thousands of events of one tick first in, first out while it grows', () => {
    const queue = new EventQueue(1);
    for (let i = 0; i < 5000; i++) queue.push(1_000_000, 0, i, 0);
    const order: number[] = [];
    while (queue.pop()) order.push(queue.a);
    expect(order).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  test('reaches the largest exact integer and refuses what lies beyond, behind or between', () => {
    const queue = new EventQueue();
    queue.push(Number.MAX_SAFE_INTEGER, 0, 1, 0);
    queue.push(10, 0, 0, 0);
    queue.pop();
    expect(() => queue.push(9, 0, 0, 0)).toThrow(
      'expected an integer from 10 (now) below 2^53, got 9',
    );
    expect(() => queue.push(10.5, 0, 0, 0)).toThrow('got 10.5');
    expect(() => queue.push(2 ** 53, 0, 0, 0)).toThrow('below 2^53, got 9007199254740992');
    expect(() => queue.push(Number.NaN, 0, 0, 0)).toThrow('got NaN');
    queue.pop();
    expect(queue.time).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('begins anew at an earlier time once it is empty, and only then', () => {
    fc.assert(
      fc.property(fc.array(delay, { minLength: 1, maxLength: 60 }), delay, (delays, begin) => {
        const queue = new EventQueue(1);
        for (let round = 0; round < 2; round++) {
          delays.forEach((time, at) => queue.push(begin + time, 0, at, 0));
          expect(() => queue.restart(begin)).toThrow(`${delays.length} events left`);
          const popped: number[] = [];
          while (queue.pop()) popped.push(queue.time - begin);
          expect(popped).toEqual(delays.toSorted((x, y) => x - y));
          queue.restart(begin);
        }
      }),
    );
  });
});
