import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RankState } from '../../../sim/actors/rank.ts';
import { WatchList } from '../../../sim/actors/watch-list.ts';
import {
  combineFlag,
  dispatchFlag,
  gemm1Cols,
  rowBlocks,
  type Shape,
} from '../../../sim/moe/layout.ts';

const worlds = fc
  .record({
    ranks: fc.integer({ min: 1, max: 4 }),
    slots: fc.integer({ min: 1, max: 40 }),
    local: fc.integer({ min: 1, max: 40 }),
    blocks: fc.integer({ min: 1, max: 6 }),
    hidden: fc.integer({ min: 1, max: 20 }),
    subscribers: fc.integer({ min: 1, max: 7 }),
    seed: fc.nat(),
  })
  .map(({ ranks, slots, local, blocks, hidden, subscribers, seed }) => {
    const shape: Shape = {
      ranks,
      experts: ranks * slots,
      slots,
      tokens: blocks * 16,
      hidden: hidden * 64,
      intermediate: 64,
      topK: 1,
      capacity: blocks * 16,
      tileRows: 16,
      tileCols: 64,
    };
    const place = {
      rank: 0,
      gpu: 0,
      lane: 0,
      localExperts: Math.min(local, slots),
      tokens: shape.tokens,
    };
    const state = new RankState(shape, place, { processors: 1, subscribers }, true);
    state.ownRows = Array.from(
      { length: shape.experts },
      (_, e) => (seed + 31 * e) % (shape.capacity + 1),
    );
    return { shape, state, subscribers };
  });

/** Every flag the protocol awaits, with the region it lies in and its place there. */
function awaitedFlags(
  shape: Shape,
  state: RankState,
  subscribers: number,
): { flag: number; region: number; c: number }[] {
  const flags: { flag: number; region: number; c: number }[] = [];
  // Dispatch flags are dealt out so that every subscriber has some.
  const each = Math.min(32, Math.ceil((shape.ranks * state.localExperts) / subscribers));
  for (let source = 0; source < shape.ranks; source++) {
    for (let slot = 0; slot < state.localExperts; slot++) {
      flags.push({
        flag: dispatchFlag(shape, source, slot),
        region: source,
        c: Math.floor(slot / each),
      });
    }
  }
  for (let e = 0; e < shape.experts; e++) {
    const tiles = rowBlocks(shape, state.ownRows[e]!) * gemm1Cols(shape);
    for (let t = 0; t < tiles; t++) {
      flags.push({ flag: combineFlag(shape, e, 0, 0) + t, region: shape.ranks + e, c: t >> 5 });
    }
  }
  return flags;
}

describe('watch list', () => {
  test('awaits exactly the flags of the launch, each with the subscriber the kernel gives it', () => {
    fc.assert(
      fc.property(worlds, ({ shape, state, subscribers }) => {
        const list = new WatchList(shape, state, subscribers);
        const awaited = awaitedFlags(shape, state, subscribers);
        for (const { flag, region, c } of awaited) {
          const chunk = list.chunkOf(flag);
          expect(list.awaits(chunk, flag)).toBe(true);
          expect(list.ownerOf(chunk)).toBe((region + c) % subscribers);
          const { begin } = list.shares[list.ownerOf(chunk)]!;
          expect((chunk - begin) >> 2).toBe(list.groupOf(chunk));
        }
        let lanes = 0;
        for (let chunk = 0; chunk < list.size; chunk++) {
          for (let rest = list.pendingOf(chunk); rest !== 0; rest &= rest - 1) lanes++;
        }
        expect(lanes).toBe(awaited.length);
      }),
    );
  });

  test('a group of four chunks is live until all its flags are settled', () => {
    fc.assert(
      fc.property(worlds, ({ shape, state, subscribers }) => {
        const list = new WatchList(shape, state, subscribers);
        const awaited = awaitedFlags(shape, state, subscribers);
        const left = new Map<string, number>();
        const groupOf = (chunk: number): string => `${list.ownerOf(chunk)} ${list.groupOf(chunk)}`;
        for (const { flag } of awaited) {
          const group = groupOf(list.chunkOf(flag));
          left.set(group, (left.get(group) ?? 0) + 1);
        }
        for (const { flag } of awaited) {
          const chunk = list.chunkOf(flag);
          list.arrive(chunk, flag);
          const share = list.shares[list.ownerOf(chunk)]!;
          const group = list.groupOf(chunk);
          expect([share.arrived.has(group), share.live.has(group)]).toEqual([true, true]);
          expect(list.settle(chunk)).toBe(1 << (flag - list.firstOf(chunk)));
          expect([list.awaits(chunk, flag), share.arrived.has(group)]).toEqual([false, false]);
          left.set(groupOf(chunk), left.get(groupOf(chunk))! - 1);
          expect(share.live.has(group)).toBe(left.get(groupOf(chunk))! > 0);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('a flag of a slot or row block that is not in use is not awaited', () => {
    const shape: Shape = {
      ranks: 2,
      experts: 80,
      slots: 40,
      tokens: 32,
      hidden: 64,
      intermediate: 64,
      topK: 1,
      capacity: 32,
      tileRows: 16,
      tileCols: 64,
    };
    const place = { rank: 0, gpu: 0, lane: 0, localExperts: 3, tokens: 32 };
    const state = new RankState(shape, place, { processors: 1, subscribers: 2 }, true);
    state.ownRows = Array.from({ length: 80 }, () => 0);
    const list = new WatchList(shape, state, 2);
    expect(() => list.chunkOf(combineFlag(shape, 5, 0, 0))).toThrow('is not awaited');
    expect(() => list.chunkOf(dispatchFlag(shape, 0, 39))).toThrow('is not awaited');
    const flag = dispatchFlag(shape, 1, 2);
    expect(list.awaits(list.chunkOf(flag), flag)).toBe(true);
  });
});
