import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BitSet } from '../../../sim/actors/bit-set.ts';

const change = fc.record({ add: fc.boolean(), member: fc.nat(99) });

describe('bit set', () => {
  test('is a set: members, their order, and how many lie below a number', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), fc.nat(100), (changes, at) => {
        const bits = new BitSet(100);
        const oracle = new Set<number>();
        for (const { add, member } of changes) {
          if (add) bits.add(member);
          else bits.delete(member);
          if (add) oracle.add(member);
          else oracle.delete(member);
        }
        const members = [...oracle].sort((x, y) => x - y);
        expect(bits.size).toBe(members.length);
        expect(bits.countBelow(at)).toBe(members.filter((m) => m < at).length);
        expect(bits.nextFrom(at)).toBe(members.find((m) => m >= at) ?? -1);
        const walked: number[] = [];
        for (let m = bits.nextFrom(0); m >= 0; m = bits.nextFrom(m + 1)) walked.push(m);
        expect(walked).toEqual(members);
        bits.clear();
        expect([bits.size, bits.nextFrom(0), bits.has(at % 100)]).toEqual([0, -1, false]);
      }),
    );
  });
});
