import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BitSet } from '../../../sim/actors/bit-set.ts';
import { PollCursor } from '../../../sim/actors/poll-cursor.ts';

interface Case {
  readonly live: readonly number[];
  readonly from: number;
  readonly since: number;
  readonly pollNs: number;
  readonly checkNs: number;
  readonly target: number;
  readonly visible: number;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    live: fc.uniqueArray(fc.nat(69), { minLength: 1, maxLength: 12 }),
    from: fc.nat(70),
    since: fc.nat(100),
    pollNs: fc.integer({ min: 1, max: 9 }),
    checkNs: fc.integer({ min: 1, max: 9 }),
    pick: fc.nat(),
    visible: fc.nat(600),
  })
  .map(({ pick, ...c }) => ({ ...c, target: c.live[pick % c.live.length]! }));

/** The loop itself: polls the live positions, checks at the end of a sweep, until `done` likes what it reads. */
function loop(c: Case, done: (position: number | 'check', at: number) => boolean): number {
  let at = c.since;
  for (let position = c.from; ; position++) {
    if (position === 70) {
      at += c.checkNs;
      if (done('check', at)) return at;
      position = -1;
    } else if (c.live.includes(position)) {
      at += c.pollNs;
      if (done(position, at)) return at;
    }
  }
}

function cursorOf(c: Case): PollCursor {
  const live = new BitSet(70);
  for (const position of c.live) live.add(position);
  const cursor = new PollCursor(live, 0, c.pollNs, c.checkNs);
  cursor.moveTo(c.from, c.since);
  return cursor;
}

describe('polling cursor', () => {
  test('foretells the poll at which the loop reads a word', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const expected = loop(c, (position, at) => position === c.target && at >= c.visible);
        expect(cursorOf(c).pollSees(c.target, c.visible)).toBe(expected);
      }),
    );
  });

  test('foretells the check at which the loop sees an interrupt', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const expected = loop(c, (position, at) => position === 'check' && at >= c.visible);
        expect(cursorOf(c).checkSees(c.visible)).toBe(expected);
      }),
    );
  });

  test('finds first what it polls first', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const arrived = new BitSet(70);
        for (const position of c.live.slice(0, 3)) arrived.add(position);
        let expected = -1;
        loop(c, (position) => {
          if (position === 'check' || !c.live.slice(0, 3).includes(position)) return false;
          expected = position;
          return true;
        });
        expect(cursorOf(c).nextOf(arrived)).toBe(expected);
      }),
    );
    expect(cursorOf({ ...fc.sample(cases, 1)[0]! }).nextOf(new BitSet(70))).toBe(-1);
  });
});
