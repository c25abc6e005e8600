/**
 * Shared memory of the mirror machine, written from docs/reference/memory-model.md and not from the explorer's code, so
 * that the two check each other. A word is 64 bits as two halves; `lo` and `hi` hold what the last access read.
 */
import type { MemoryModel } from '../../../binding/explore.ts';

export const Order = { Relaxed: 0, Acquire: 1, Release: 2, AcqRel: 3 } as const;
export type OrderCode = (typeof Order)[keyof typeof Order];
export const Scope = { Block: 0, Device: 1, System: 2 } as const;
export type ScopeCode = (typeof Scope)[keyof typeof Scope];

/** Where a thread sits. */
export interface Place {
  readonly rank: number;
  readonly block: number;
}

interface Message {
  readonly lo: number;
  readonly hi: number;
  /** What whoever synchronises with this message has seen; null: nothing. */
  readonly view: Uint16Array | null;
  readonly writer: number;
  readonly scope: ScopeCode;
}

/** Mixes a word into a 32-bit hash, as `stir` of binding/src/explorer/memory.h. */
export function stir(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const acquires = (order: OrderCode): boolean => order === Order.Acquire || order === Order.AcqRel;
const releases = (order: OrderCode): boolean => order === Order.Release || order === Order.AcqRel;

function join(into: Uint16Array, from: Uint16Array): void {
  for (let i = 0; i < into.length; i++) {
    const other = from[i] ?? 0;
    if (other > (into[i] ?? 0)) into[i] = other;
  }
}

export class MirrorMemory {
  lo = 0;
  hi = 0;
  hash = 0;
  readonly #weak: boolean;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #initial: Uint32Array;
  readonly #version: Uint16Array;
  readonly #messages: Message[][] = [];
  readonly #seen: Uint16Array[] = [];
  /** [thread][scope class] joined by an acquire fence of at least that scope. */
  readonly #pending: (Uint16Array | null)[][] = [];
  /** [thread][scope class] what the thread had seen at its last release fence of that scope or a wider one. */
  readonly #released: (Uint16Array | null)[][] = [];
  readonly #newest: boolean[] = [];
  readonly #places: readonly Place[];

  constructor(model: MemoryModel, initial: Uint32Array, places: readonly Place[]) {
    this.#weak = model === 'weak';
    this.#initial = initial;
    this.#low = initial.slice();
    this.#high = new Uint32Array(initial.length);
    this.#version = new Uint16Array(initial.length);
    this.#places = places;
    for (const _ of initial) this.#messages.push([]);
    for (const _ of places) {
      this.#seen.push(new Uint16Array(this.#weak ? initial.length : 0));
      this.#pending.push([null, null, null]);
      this.#released.push([null, null, null]);
      this.#newest.push(false);
    }
  }

  version(at: number): number {
    return this.#version[at] ?? 0;
  }

  /** The newest message of `at` that the thread has seen. */
  seen(thread: number, at: number): number {
    return this.#weak ? (this.#view(thread)[at] ?? 0) : this.version(at);
  }

  readNewest(thread: number, on: boolean): void {
    this.#newest[thread] = on;
  }

  load(
    thread: number,
    at: number,
    order: OrderCode,
    scope: ScopeCode,
    choose: (n: number) => number,
  ): void {
    const last = this.version(at);
    let time = last;
    if (this.#weak) {
      const oldest = this.#view(thread)[at] ?? 0;
      if (this.#newest[thread] !== true && oldest < last) time = last - choose(last - oldest + 1);
    }
    this.#readAt(thread, at, time, order, scope);
  }

  store(
    thread: number,
    at: number,
    lo: number,
    hi: number,
    order: OrderCode,
    scope: ScopeCode,
  ): void {
    const passed = this.#passedOn(thread, order, scope);
    this.#append(thread, at, lo, hi, passed.view, passed.scope);
  }

  /** Reads the last value; the caller then calls {@link finishUpdate} with the new one. */
  beginUpdate(thread: number, at: number, order: OrderCode, scope: ScopeCode): void {
    this.#readAt(thread, at, this.version(at), order, scope);
  }

  finishUpdate(
    thread: number,
    at: number,
    lo: number,
    hi: number,
    order: OrderCode,
    scope: ScopeCode,
  ): void {
    const passed = this.#passedOn(thread, order, scope);
    let { view } = passed;
    const extended = this.#messages[at]?.at(-1)?.view ?? null;
    if (extended !== null) {
      if (view === null) view = extended.slice();
      else join(view, extended);
    }
    this.#append(thread, at, lo, hi, view, passed.scope);
  }

  acquireFence(thread: number, scope: ScopeCode): void {
    for (let s = 0; s <= scope; s++) {
      const view = this.#pending[thread]?.[s] ?? null;
      if (view !== null) join(this.#view(thread), view);
    }
  }

  releaseFence(thread: number, scope: ScopeCode): void {
    const fences = this.#released[thread];
    if (!this.#weak || fences === undefined) return;
    for (let s = 0; s <= scope; s++) fences[s] = this.#view(thread).slice();
  }

  readPlain(at: number): void {
    this.lo = this.#low[at] ?? 0;
    this.hi = this.#high[at] ?? 0;
  }

  writePlain(thread: number, at: number, lo: number, hi: number): void {
    this.#append(thread, at, lo, hi, null, Scope.System);
  }

  /** All threads of a group have seen what each of them had. */
  meet(group: readonly number[]): void {
    if (!this.#weak) return;
    const all = new Uint16Array(this.#low.length);
    for (const thread of group) join(all, this.#view(thread));
    for (const thread of group) this.#view(thread).set(all);
  }

  /**
   * What a store passes on: all its thread has seen if it releases, else what its last release fence of at least the store's
   * scope had; there being none, the last of the widest scope below.
   */
  #passedOn(
    thread: number,
    order: OrderCode,
    scope: ScopeCode,
  ): { view: Uint16Array | null; scope: ScopeCode } {
    if (!this.#weak) return { view: null, scope };
    if (releases(order)) return { view: this.#view(thread).slice(), scope };
    for (const fence of [Scope.System, Scope.Device, Scope.Block]) {
      const view = fence <= scope ? (this.#released[thread]?.[fence] ?? null) : null;
      if (view !== null) return { view: view.slice(), scope: fence };
    }
    return { view: null, scope };
  }

  #view(thread: number): Uint16Array {
    const view = this.#seen[thread];
    if (view === undefined) throw new RangeError(`no thread ${thread}`);
    return view;
  }

  #distance(a: number, b: number): ScopeCode {
    const one = this.#places[a];
    const other = this.#places[b];
    if (one?.rank !== other?.rank) return Scope.System;
    return one?.block === other?.block ? Scope.Block : Scope.Device;
  }

  #readAt(thread: number, at: number, time: number, order: OrderCode, scope: ScopeCode): void {
    if (!this.#weak) {
      this.readPlain(at);
      return;
    }
    const mine = this.#view(thread);
    if (time > (mine[at] ?? 0)) mine[at] = time;
    const message = time === 0 ? undefined : this.#messages[at]?.[time - 1];
    if (message === undefined) {
      this.lo = this.#initial[at] ?? 0;
      this.hi = 0;
      return;
    }
    this.lo = message.lo;
    this.hi = message.hi;
    const needed = this.#distance(thread, message.writer);
    if (message.view === null || scope < needed || message.scope < needed) return;
    if (acquires(order)) {
      join(mine, message.view);
      return;
    }
    const waiting = this.#pending[thread];
    if (waiting === undefined) return;
    const pending = waiting[needed] ?? new Uint16Array(mine.length);
    join(pending, message.view);
    waiting[needed] = pending;
  }

  #append(
    thread: number,
    at: number,
    lo: number,
    hi: number,
    view: Uint16Array | null,
    scope: ScopeCode,
  ): void {
    const cell = (l: number, h: number): number => stir(stir(at + 1, l), h);
    this.hash = (this.hash + cell(lo, hi) - cell(this.#low[at] ?? 0, this.#high[at] ?? 0)) >>> 0;
    const time = this.version(at) + 1;
    this.#version[at] = time;
    this.#low[at] = lo;
    this.#high[at] = hi;
    if (!this.#weak) return;
    if (view !== null) view[at] = time;
    this.#messages[at]?.push({ lo, hi, view, writer: thread, scope });
    this.#view(thread)[at] = time;
  }
}
