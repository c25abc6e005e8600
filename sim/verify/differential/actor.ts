/** What every mirrored actor knows, and the packets as halves. */
import {
  type Doorbell,
  packDoorbell,
  packEntry,
  packSignal,
  type QueueEntry,
  type Signal,
  unpackDoorbell,
  unpackEntry,
  unpackSignal,
} from '../../moe/packet.ts';
import type { Shape } from '../../moe/shape.ts';
import type { WorldSpec } from '../world-spec.ts';
import type { Life, Machine } from './machine.ts';
import { Order, type OrderCode, Scope, type ScopeCode } from './memory.ts';
import type { RankWords, Words } from './words.ts';

/** Lanes of a warp. */
export const lanes = 32;

/** State that outlives a launch, of one rank. */
export interface RankState {
  readonly heads: number[];
  readonly tickets: number[];
}

export interface Actor {
  readonly spec: WorldSpec;
  readonly words: Words;
  readonly shape: Shape;
  readonly machine: Machine;
  readonly state: RankState;
  readonly rank: number;
  /** Number of the fiber in the machine. */
  readonly fiber: number;
  /** Processor index, or 0. */
  readonly index: number;
}

export function myWords(a: Actor, rank: number = a.rank): RankWords {
  const words = a.words.ranks[rank];
  if (words === undefined) throw new RangeError(`no rank ${rank}`);
  return words;
}

export function keptRows(a: Actor, epoch: number, source: number, expert: number): number {
  return a.spec.rows[epoch]?.[source]?.[expert] ?? 0;
}

const low = (word: bigint): number => Number(BigInt.asUintN(32, word));
const high = (word: bigint): number => Number(word >> 32n);
const whole = (lo: number, hi: number): bigint => (BigInt(hi) << 32n) | BigInt(lo);

/** Bits of a signal that no actor reads: the epoch in which it was sent. */
const ghostShift = 59n;
const ghostMask = (1n << ghostShift) - 1n;

export function* sendSignal(
  a: Actor,
  dest: number,
  flag: number,
  m: Signal,
  epoch: number,
  order: OrderCode = Order.Release,
): Life {
  const word = packSignal(m) | (BigInt(epoch) << ghostShift);
  yield;
  const at = myWords(a, dest).flags + flag;
  a.machine.store(a.fiber, at, low(word), high(word), order, Scope.System);
}

export function* loadSignal(a: Actor, flag: number): Generator<void, Signal, void> {
  yield;
  a.machine.load(a.fiber, myWords(a).flags + flag, Order.Relaxed, Scope.System);
  const { lo, hi } = a.machine.memory;
  return unpackSignal(whole(lo, hi) & ghostMask);
}

export function* publish(
  a: Actor,
  ring: number,
  size: number,
  ticket: number,
  entry: QueueEntry,
  scope: ScopeCode,
): Life {
  const word = packEntry(entry);
  yield;
  a.machine.store(a.fiber, ring + (ticket % size), low(word), high(word), Order.Release, scope);
}

/** Reads where the entry of `ticket` will be; the caller makes a fence before it passes anything on. */
export function* look(
  a: Actor,
  ring: number,
  size: number,
  ticket: number,
  scope: ScopeCode,
): Generator<void, QueueEntry, void> {
  yield;
  a.machine.load(a.fiber, ring + (ticket % size), Order.Relaxed, scope);
  const { lo, hi } = a.machine.memory;
  return unpackEntry(whole(lo, hi));
}

export function* ringDoorbell(
  a: Actor,
  processor: number,
  d: Doorbell,
  order: OrderCode = Order.Release,
): Life {
  const word = packDoorbell(d);
  yield;
  const at = myWords(a).doorbells + processor;
  a.machine.store(a.fiber, at, low(word), high(word), order, Scope.Device);
}

export function* loadDoorbell(
  a: Actor,
  processor: number,
  order: 0 | 1,
): Generator<void, Doorbell, void> {
  yield;
  a.machine.load(a.fiber, myWords(a).doorbells + processor, order, Scope.Device);
  const { lo, hi } = a.machine.memory;
  return unpackDoorbell(whole(lo, hi));
}

export const nextSequence = (sequence: number): number => (sequence + 1) % 2 ** 31;

/** The last arriver's part: nobody touches the counter again in this launch. */
export function* setBack(a: Actor, counter: number): Life {
  yield;
  a.machine.store(a.fiber, counter, 0, 0, Order.Relaxed, Scope.Device);
}

/** Adds to an arrival counter behind a release fence. Returns the count before. */
export function* arriveFenced(
  a: Actor,
  counter: number,
  amount: number,
): Generator<void, number, void> {
  yield;
  return a.machine.add(a.fiber, counter, amount, Order.Relaxed, Scope.Device);
}

/** Adds to an arrival counter; the last arriver sets it back. Returns the count before. */
export function* arrive(
  a: Actor,
  counter: number,
  amount: number,
  total: number,
): Generator<void, number, void> {
  yield;
  const before = a.machine.add(a.fiber, counter, amount, Order.AcqRel, Scope.Device);
  if (before + amount === total) yield* setBack(a, counter);
  return before;
}

export function* writePlain(a: Actor, at: number, value: number): Life {
  if (a.machine.startsPlain(a.fiber)) yield;
  a.machine.writePlain(a.fiber, at, value >>> 0, Math.floor(value / 2 ** 32));
}

export function* readPlain(a: Actor, at: number): Life {
  if (a.machine.startsPlain(a.fiber)) yield;
  a.machine.readPlain(a.fiber, at);
}

/** The grid barrier at the start of a launch. */
export function* barrier(a: Actor, epoch: number): Life {
  const at = myWords(a).barrier;
  yield;
  a.machine.add(a.fiber, at, 1, Order.AcqRel, Scope.Device, true);
  const target = (a.spec.processors + 1) * (epoch + 1);
  yield* a.machine.spin(a.fiber, function* () {
    yield;
    a.machine.load(a.fiber, at, Order.Acquire, Scope.Device);
    return a.machine.memory.hi * 2 ** 32 + a.machine.memory.lo >= target;
  });
}
