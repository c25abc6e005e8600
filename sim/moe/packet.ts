/**
 * The 64-bit words that ranks, subscribers, scheduler and processors exchange: kernel/include/kerneltwin/layout/packet.h
 * in TypeScript, name for name. Packed words are bigints. Packing throws RangeError where a field does not fit; the
 * kernel relies on `packetLimits` being checked on the host instead.
 */
import {
  countBits,
  epochStates,
  firstBits,
  rowsBits,
  sequenceBits,
  stateBits,
  tagBits,
  tilesBits,
} from './generated/layout.ts';
import { flagCount, heapRows } from './heap.ts';
import { cellRowBlocks, gemm0Cols, gemm1Cols, type Shape } from './shape.ts';
import { taskSpace } from './task.ts';

/** State that flags of epoch `epoch` carry: 1 to `epochStates`; zero means "never written". */
export function epochState(epoch: number): number {
  return 1 + (epoch % epochStates);
}

export const Freshness = { Stale: 0, Current: 1, Ahead: 2 } as const;
export type FreshnessCode = (typeof Freshness)[keyof typeof Freshness];

/** Classifies a flag's state against the local epoch. Rank skew is at most one, so the only state ahead is the next. */
export function freshness(state: number, epoch: number): FreshnessCode {
  if (state === epochState(epoch)) return Freshness.Current;
  if (state === epochState(epoch + 1)) return Freshness.Ahead;
  return Freshness.Stale;
}

/** A signal: epoch state, rows in the cell (zero: no-op), and the row blocks of all the sender's cells for this rank. */
export interface Signal {
  readonly state: number;
  readonly rows: number;
  readonly rowTiles: number;
}

export function packSignal(m: Signal): bigint {
  return (
    field('signal.state', m.state, stateBits) |
    (field('signal.rows', m.rows, rowsBits) << BigInt(stateBits)) |
    (field('signal.rowTiles', m.rowTiles, tilesBits) << BigInt(stateBits + rowsBits))
  );
}

export function unpackSignal(word: bigint): Signal {
  return {
    state: bits(word, 0, stateBits),
    rows: bits(word, stateBits, rowsBits),
    rowTiles: bits(word, stateBits + rowsBits, tilesBits),
  };
}

/** A task-queue entry: `count` consecutive tasks from `first`; the tag tells a consumer whether it is new. */
export interface QueueEntry {
  readonly tag: number;
  readonly first: number;
  readonly count: number;
}

/** Tag of the entry with this ticket: the low bits of ticket + 1, so that an empty ring matches no first ticket. */
export function queueTag(ticket: number): number {
  return (ticket + 1) % pow2(tagBits);
}

export function packEntry(e: QueueEntry): bigint {
  return (
    field('entry.tag', e.tag, tagBits) |
    (field('entry.first', e.first, firstBits) << BigInt(tagBits)) |
    (field('entry.count', e.count, countBits) << BigInt(tagBits + firstBits))
  );
}

export function unpackEntry(word: bigint): QueueEntry {
  return {
    tag: bits(word, 0, tagBits),
    first: bits(word, tagBits, firstBits),
    count: bits(word, tagBits + firstBits, countBits),
  };
}

/** A doorbell: task index and a per-processor sequence number that never repeats in a row. `exit` interrupts. */
export interface Doorbell {
  readonly task: number;
  readonly sequence: number;
  readonly exit: boolean;
}

/** Packs a doorbell; the sequence wraps at 2^sequenceBits, as the kernel's does. */
export function packDoorbell(d: Doorbell): bigint {
  const sequence = d.sequence % pow2(sequenceBits);
  return (
    field('doorbell.task', d.task, 32) |
    (field('doorbell.sequence', sequence, sequenceBits) << 32n) |
    (d.exit ? 1n << 63n : 0n)
  );
}

export function unpackDoorbell(word: bigint): Doorbell {
  return {
    task: bits(word, 0, 32),
    sequence: bits(word, 32, sequenceBits),
    exit: word >> 63n !== 0n,
  };
}

/** A quantity of a shape, and the first value that would no longer fit its field. */
export interface PacketLimit {
  readonly field: string;
  readonly value: number;
  readonly limit: number;
}

/** Every quantity that `packetLimits` checks, largest value first met and bound, in the kernel's order. */
export function packetFields(s: Shape): readonly PacketLimit[] {
  return [
    { field: 'capacity (rows of a signal)', value: s.capacity, limit: pow2(rowsBits) },
    {
      field: 'slots x row blocks (row tiles of a signal)',
      value: s.slots * cellRowBlocks(s),
      limit: pow2(tilesBits),
    },
    {
      field: 'task space (first task of a queue entry)',
      value: taskSpace(s),
      limit: pow2(firstBits),
    },
    {
      field: 'GEMM0 column tiles (count of a queue entry)',
      value: gemm0Cols(s),
      limit: pow2(countBits),
    },
    {
      field: 'GEMM1 column tiles (count of a queue entry)',
      value: gemm1Cols(s),
      limit: pow2(countBits),
    },
    { field: 'heap rows (row of a put record)', value: heapRows(s), limit: pow2(32) },
    { field: 'flags (flag of a signal record)', value: flagCount(s), limit: pow2(32) },
  ];
}

/** True when every value a shape can produce fits its field (invariant L8). */
export function packetLimits(s: Shape): boolean {
  return packetFields(s).every((f) => f.value < f.limit);
}

function field(name: string, value: number, width: number): bigint {
  if (!Number.isInteger(value) || value < 0 || value >= pow2(width)) {
    throw new RangeError(`${name}: expected an integer of ${width} bits, got ${value}`);
  }
  return BigInt(value);
}

function bits(word: bigint, shift: number, width: number): number {
  return Number((word >> BigInt(shift)) & ((1n << BigInt(width)) - 1n));
}

/** Exact power of two; `**` is not used because its bits differ between Node versions for other bases. */
function pow2(exponent: number): number {
  return Number(1n << BigInt(exponent));
}
