import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layoutFunctions } from '../../../binding/index.ts';
import * as mirror from '../../../sim/moe/layout.ts';
import * as packets from '../../../sim/moe/packet.ts';
import { placementFrom } from '../../../sim/moe/placement.ts';
import { hugeShapes, moderate, type WorldCase, worlds } from '../../properties/layout-worlds.ts';

const native = layoutFunctions();

const {
  gemm0Cols,
  gemm1Cols,
  cellRowBlocks,
  heapCells,
  heapRows,
  heapElements,
  intermediateElements,
  dispatchFlags,
  flagCount,
  gemm0Tasks,
  gemm1Tasks,
  combineTasks,
  taskSpace,
} = mirror;
const sizes = {
  gemm0Cols,
  gemm1Cols,
  cellRowBlocks,
  heapCells,
  heapRows,
  heapElements,
  intermediateElements,
  dispatchFlags,
  flagCount,
  gemm0Tasks,
  gemm1Tasks,
  combineTasks,
  taskSpace,
} as const;

/** Some place in a world: indices within their ranges. */
function places(
  world: WorldCase,
): fc.Arbitrary<
  Record<'source' | 'slot' | 'block' | 'row' | 'h' | 'i' | 'expert' | 'rows', number>
> {
  const s = world.shape;
  const below = (n: number): fc.Arbitrary<number> => fc.nat(Math.max(0, n - 1));
  return fc.record({
    source: below(s.ranks),
    slot: below(s.slots),
    block: below(mirror.cellRowBlocks(s)),
    row: below(s.capacity),
    h: below(s.hidden),
    i: below(s.intermediate),
    expert: below(s.experts),
    rows: fc.nat(s.capacity),
  });
}

const worldAndPlace = worlds(moderate).chain((world) =>
  fc.tuple(fc.constant(world), places(world)),
);

describe("the compiled layout functions and TypeScript's copies", () => {
  it('agree on every size of a world', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ shape }) => {
        const names = Object.keys(sizes) as (keyof typeof sizes)[];
        const compiled = names.map((name) => [name, BigInt(native[name](shape))]);
        expect(compiled).toEqual(names.map((name) => [name, BigInt(sizes[name](shape))]));
        expect(native.packetLimits(shape)).toBe(packets.packetLimits(shape));
      }),
    );
  });

  it('agree on every index', () => {
    fc.assert(
      fc.property(worldAndPlace, fc.nat(1), fc.nat(1), ([{ shape: s }, p], round, stage) => {
        const cell = native.cellIndex(s, p.source, round, stage, p.slot);
        const same = mirror.cellIndex(s, p.source, round as 0 | 1, stage as 0 | 1, p.slot);
        expect(cell).toBe(BigInt(same));
        expect(native.heapRow(s, cell, p.row)).toBe(BigInt(mirror.heapRow(s, same, p.row)));
        expect(native.dispatchOffset(s, cell, p.row, p.h)).toBe(
          BigInt(mirror.dispatchOffset(s, same, p.row, p.h)),
        );
        expect(native.combineOffset(s, cell, p.row, p.h)).toBe(
          BigInt(mirror.combineOffset(s, same, p.row, p.h)),
        );
        expect(native.intermediateOffset(s, p.source, p.slot, p.row, p.i)).toBe(
          BigInt(mirror.intermediateOffset(s, p.source, p.slot, p.row, p.i)),
        );
        expect(native.dispatchFlag(s, p.source, p.slot)).toBe(
          mirror.dispatchFlag(s, p.source, p.slot),
        );
        const col = Math.floor(p.h / s.tileCols);
        expect(native.combineFlag(s, p.expert, p.block, col)).toBe(
          mirror.combineFlag(s, p.expert, p.block, col),
        );
        expect(native.rowSpan(s, p.rows, p.block)).toEqual(mirror.rowSpan(s, p.rows, p.block));
        expect(native.tileWidth(s, s.hidden, col)).toBe(mirror.tileWidth(s, s.hidden, col));
      }),
    );
  });

  it('agree on every task', () => {
    const task = worlds(moderate).chain((world) =>
      fc.tuple(fc.constant(world), fc.nat(mirror.taskSpace(world.shape) - 1)),
    );
    fc.assert(
      fc.property(task, ([{ shape }, index]) => {
        const decoded = native.decodeTask(shape, index);
        expect(decoded).toEqual(mirror.decodeTask(shape, index));
        const { op, peer, expert, block, col } = decoded;
        const encode = [
          (): number => native.gemm0Task(shape, expert, peer, block, col),
          (): number => native.gemm1Task(shape, expert, peer, block, col),
          (): number => native.combineTask(shape, expert, block, col),
        ][op]!;
        expect(encode()).toBe(index);
      }),
    );
  });

  it('agree on placement, ranks without experts included', () => {
    fc.assert(
      fc.property(worlds(moderate), ({ expertsPerRank, shape }) => {
        const placement = placementFrom(expertsPerRank);
        for (let expert = 0; expert < shape.experts; expert++) {
          const home = native.home(placement.base, expert);
          expect(home).toEqual(placement.home(expert));
          expect(native.globalExpert(placement.base, home.rank, home.slot)).toBe(expert);
        }
        for (let rank = 0; rank < shape.ranks; rank++) {
          expect(native.localExperts(placement.base, rank)).toBe(placement.localExperts(rank));
        }
      }),
    );
  });

  it('agree on packets, there and back', () => {
    const bits = (n: number): fc.Arbitrary<number> => fc.nat(2 ** n - 1);
    const signal = fc.record({ state: bits(3), rows: bits(28), rowTiles: bits(28) });
    const entry = fc.record({ tag: bits(24), first: bits(28), count: bits(12) });
    const doorbell = fc.record({ task: bits(31), sequence: bits(31), exit: fc.boolean() });
    fc.assert(
      fc.property(signal, entry, doorbell, bits(31), (s, e, d, n) => {
        expect(native.packSignal(s)).toBe(packets.packSignal(s));
        expect(native.unpackSignal(native.packSignal(s))).toEqual(s);
        expect(native.packEntry(e)).toBe(packets.packEntry(e));
        expect(native.unpackEntry(native.packEntry(e))).toEqual(e);
        expect(native.packDoorbell(d)).toBe(packets.packDoorbell(d));
        expect(native.unpackDoorbell(native.packDoorbell(d))).toEqual(d);
        expect(native.queueTag(n)).toBe(packets.queueTag(n));
        expect(native.epochState(n)).toBe(packets.epochState(n));
        for (let state = 0; state < 8; state++) {
          expect(native.freshness(state, n)).toBe(packets.freshness(state, n));
        }
      }),
    );
  });

  it('compute element offsets past 2^32 exactly', () => {
    fc.assert(
      fc.property(hugeShapes, (s) => {
        const cell = native.heapCells(s) - 1n;
        const row = s.capacity - 1;
        const h = s.hidden - 1;
        const rows = cell * BigInt(s.capacity) + BigInt(row);
        expect(native.dispatchOffset(s, cell, row, h)).toBe(rows * BigInt(s.hidden) + BigInt(h));
        expect(native.dispatchOffset(s, cell, row, h)).toBe(native.heapElements(s) - 1n);
        expect(native.combineOffset(s, cell, row, h)).toBe(native.heapElements(s) - 1n);
      }),
    );
  });
});

describe('the compiled layout functions refuse', () => {
  const shape = {
    ranks: 2,
    experts: 4,
    slots: 2,
    tokens: 256,
    hidden: 128,
    intermediate: 128,
    topK: 2,
    capacity: 256,
    tileRows: 128,
    tileCols: 64,
  };

  it.each<[string, () => unknown, string]>([
    ['a zero divisor', () => native.ceilDiv(5, 0), 'argument 2: expected at least 1, got 0'],
    [
      'a shape that would divide by zero',
      () => native.decodeTask({ ...shape, tileCols: 0 }, 1),
      'argument 1.tileCols: expected at least 1, got 0',
    ],
    [
      'a cell without a row block',
      () => native.decodeTask({ ...shape, capacity: 127 }, 1),
      'argument 1.capacity: expected at least 128, got 127',
    ],
    [
      'columns that wrap to none',
      () => native.decodeTask({ ...shape, hidden: 4294967295 }, 1),
      'argument 1: hidden or intermediate plus tileCols passes 2^32',
    ],
    [
      'a fraction',
      () => native.rowBlocks(shape, 1.5),
      'argument 2: expected an integer from 0 to 4294967295, got 1.5',
    ],
    ['a negative number', () => native.rowBlocks(shape, -1), 'got -1'],
    [
      'a number where 64 bits are needed',
      () => native.heapRow(shape, 3 as unknown as bigint, 0),
      'argument 2: expected a BigInt from 0 to 2^64 - 1, got 3',
    ],
    ['a BigInt over 64 bits', () => native.unpackSignal(1n << 64n), 'got 18446744073709551616n'],
    [
      'a round that does not exist',
      () => native.cellIndex(shape, 0, 2, 0, 0),
      'argument 3: expected an integer from 0 to 1, got 2',
    ],
    ['a missing field', () => native.gemm0Cols({} as typeof shape), 'argument 1.ranks: expected'],
    ['no object', () => native.gemm0Cols('x' as never), 'argument 1: expected an object, got "x"'],
    [
      'a placement of no rank',
      () => native.home(new Uint32Array(1), 0),
      'argument 1: expected ranks + 1 prefix sums, got 1 elements',
    ],
    [
      'a rank outside the placement',
      () => native.localExperts(new Uint32Array(3), 2),
      'argument 2: expected an integer from 0 to 1, got 2',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});
