import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epochStates } from '../../sim/moe/layout.ts';
import {
  epochState,
  Freshness,
  freshness,
  packDoorbell,
  packEntry,
  packetLimits,
  packSignal,
  queueTag,
  unpackDoorbell,
  unpackEntry,
  unpackSignal,
} from '../../sim/moe/packet.ts';
import { hugeShapes } from './layout-worlds.ts';

const field = (bits: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(0, 1, 2 ** bits - 1), fc.integer({ min: 0, max: 2 ** bits - 1 }));

describe('L8: every packed field fits its width', () => {
  test('signals survive packing, and use 59 bits', () => {
    const signal = fc.record({ state: field(3), rows: field(28), rowTiles: field(28) });
    fc.assert(
      fc.property(signal, (m) => {
        const word = packSignal(m);
        expect(unpackSignal(word)).toEqual(m);
        expect(word).toBe(BigInt(m.state) + BigInt(m.rows) * 8n + BigInt(m.rowTiles) * 2n ** 31n);
      }),
    );
  });

  test('queue entries survive packing, and use 64 bits', () => {
    const entry = fc.record({ tag: field(24), first: field(28), count: field(12) });
    fc.assert(
      fc.property(entry, (e) => {
        const word = packEntry(e);
        expect(unpackEntry(word)).toEqual(e);
        expect(word).toBe(
          BigInt(e.tag) + BigInt(e.first) * 2n ** 24n + BigInt(e.count) * 2n ** 52n,
        );
      }),
    );
  });

  test('doorbells survive packing; the sequence wraps at 31 bits', () => {
    const bell = fc.record({ task: field(32), sequence: field(31), exit: fc.boolean() });
    fc.assert(
      fc.property(bell, (d) => {
        const word = packDoorbell(d);
        expect(unpackDoorbell(word)).toEqual(d);
        expect(BigInt.asUintN(64, word)).toBe(word);
        expect(packDoorbell({ ...d, sequence: d.sequence + 2 ** 31 })).toBe(word);
      }),
    );
  });

  test.each([
    ['signal.state', () => packSignal({ state: 8, rows: 0, rowTiles: 0 })],
    ['signal.rows', () => packSignal({ state: 1, rows: 2 ** 28, rowTiles: 0 })],
    ['signal.rowTiles', () => packSignal({ state: 1, rows: 0, rowTiles: 2 ** 28 })],
    ['entry.tag', () => packEntry({ tag: 2 ** 24, first: 0, count: 0 })],
    ['entry.first', () => packEntry({ tag: 0, first: 2 ** 28, count: 0 })],
    ['entry.count', () => packEntry({ tag: 0, first: 0, count: 2 ** 12 })],
    ['doorbell.task', () => packDoorbell({ task: 2 ** 32, sequence: 0, exit: false })],
    ['signal.rows', () => packSignal({ state: 1, rows: -1, rowTiles: 0 })],
  ])('%s is never cut off silently', (name, pack) => {
    expect(pack).toThrow(`${name}: expected an integer of`);
  });

  test('a shape is within the limits iff its largest values fit, by BigInt arithmetic', () => {
    let fitting = 0;
    let over = 0;
    fc.assert(
      fc.property(hugeShapes, (s) => {
        const [P, E, L, C] = [s.ranks, s.experts, s.slots, s.capacity].map(BigInt) as [
          bigint,
          bigint,
          bigint,
          bigint,
        ];
        const tiles = (width: number): bigint => BigInt(Math.ceil(width / s.tileCols));
        const first = tiles(s.gated === true ? 2 * s.intermediate : s.intermediate);
        const blocks = C / BigInt(s.tileRows);
        const tasks = L * P * blocks * (first + tiles(s.hidden)) + E * blocks * tiles(s.hidden);
        const fits =
          C < 1n << 28n &&
          L * blocks < 1n << 28n &&
          tasks < 1n << 28n &&
          first < 1n << 12n &&
          tiles(s.hidden) < 1n << 12n &&
          P * 4n * L * C < 1n << 32n &&
          P * L + E * blocks * tiles(s.hidden) < 1n << 32n;
        expect(packetLimits(s)).toBe(fits);
        if (fits) fitting++;
        else over++;
      }),
      { numRuns: 2000, seed: 8 },
    );
    // Both sides of the limit were met.
    expect(fitting).toBeGreaterThan(50);
    expect(over).toBeGreaterThan(50);
  });
});

describe('epoch states', () => {
  const epoch = fc.nat(2 ** 31 - 4);

  test('are never zero, and a flag of up to two epochs ago is never taken for current or ahead', () => {
    fc.assert(
      fc.property(epoch, (e) => {
        expect(epochState(e)).toBeGreaterThanOrEqual(1);
        expect(epochState(e)).toBeLessThanOrEqual(epochStates);
        expect(freshness(epochState(e), e)).toBe(Freshness.Current);
        expect(freshness(epochState(e + 1), e)).toBe(Freshness.Ahead);
        expect(freshness(epochState(e), e + 1)).toBe(Freshness.Stale);
        expect(freshness(epochState(e), e + 2)).toBe(Freshness.Stale);
        expect(freshness(0, e)).toBe(Freshness.Stale);
      }),
    );
  });
});

describe('queue tags', () => {
  test('differ from an empty ring and between neighbours, and wrap at 24 bits', () => {
    expect(queueTag(0)).toBe(1);
    expect(queueTag(2 ** 24 - 1)).toBe(0);
    expect(queueTag(2 ** 24)).toBe(1);
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 2), (t) => {
        expect(queueTag(t)).not.toBe(queueTag(t + 1));
      }),
    );
  });
});
