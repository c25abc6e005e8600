import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstPollAt } from '../../../sim/actors/polling.ts';

describe('first poll that sees a word', () => {
  test('is the one a loop would find', () => {
    const arbitrary = fc.record({
      first: fc.nat(1000),
      period: fc.integer({ min: 1, max: 50 }),
      visible: fc.nat(2000),
    });
    fc.assert(
      fc.property(arbitrary, ({ first, period, visible }) => {
        let poll = first;
        while (poll < visible) poll += period;
        expect(firstPollAt(first, period, visible)).toBe(poll);
      }),
    );
  });

  test('is at once where a poll takes no time', () => {
    expect(firstPollAt(10, 0, 25)).toBe(25);
    expect(firstPollAt(10, 0, 5)).toBe(10);
  });
});
