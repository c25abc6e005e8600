/**
 * The mirror machine: actors as generators that stop before every shared access, moved by one sequence of choices, with the
 * same digest after every access as the explorer in binding/src/explorer.
 */
import { type MirrorMemory, Order, type OrderCode, Scope, type ScopeCode, stir } from './memory.ts';

/** An actor's life. Every `yield` lets somebody else move. */
export type Life = Generator<void, void, void>;
/** A poll: true ends the spin. */
export type Poll = () => Generator<void, boolean, void>;

const AccessKind = { Read: 1, Write: 2, Update: 3 } as const;

/** What an access was, for a person: five numbers an access. */
export const accessFields = 5;

export class DeadlockError extends Error {
  override readonly name = 'DeadlockError';
}

export class Machine {
  readonly memory: MirrorMemory;
  readonly digests: number[] = [];
  /** (fiber, access kind, location, low half, high half) of every access. */
  readonly accesses: number[] = [];
  readonly #choices: Uint32Array;
  readonly #keepAccesses: boolean;
  #next = 0;
  #runnable = 0;
  #finished = 0;
  #asleep = 0;
  #arrived = 0;
  #inPlain = 0;
  #digest = 0;
  readonly #polled: Map<number, number>[] = [];
  readonly #polling: boolean[] = [];
  readonly #waiters: Uint32Array;

  constructor(
    memory: MirrorMemory,
    locations: number,
    fibers: number,
    choices: Uint32Array,
    keepAccesses: boolean,
  ) {
    if (fibers > 31) throw new RangeError(`the mirror machine holds 31 actors, not ${fibers}`);
    this.memory = memory;
    this.#choices = choices;
    this.#keepAccesses = keepAccesses;
    this.#waiters = new Uint32Array(locations);
    for (let f = 0; f < fibers; f++) {
      this.#polled.push(new Map());
      this.#polling.push(false);
    }
  }

  /** Runs all lives to their end. Throws DeadlockError. */
  run(lives: readonly Life[]): void {
    const all = (1 << lives.length) - 1;
    this.#runnable = all;
    let current = this.#move(0);
    for (;;) {
      const done = lives[current]?.next().done;
      if (done === true) {
        this.#finished |= 1 << current;
        this.#runnable &= ~(1 << current);
        if (this.#finished === all) return;
      }
      if (this.#runnable === 0) throw new DeadlockError('every actor waits');
      current = this.#move(current);
    }
  }

  readonly choose = (count: number): number => {
    const choice = this.#choices[this.#next];
    this.#next++;
    return choice === undefined ? 0 : choice % count;
  };

  /** The k-th runnable actor from `current` up and around. */
  #move(current: number): number {
    let count = 0;
    for (let set = this.#runnable; set !== 0; set &= set - 1) count++;
    let k = count > 1 ? this.choose(count) : 0;
    for (let i = 0; ; i++) {
      const f = (current + i) & 31;
      if (f === 31 || ((this.#runnable >>> f) & 1) === 0) continue;
      if (k-- === 0) return f;
    }
  }

  // Accesses. The caller yields before each, except through the plain ones below.

  load(f: number, at: number, order: OrderCode, scope: ScopeCode): void {
    this.#inPlain &= ~(1 << f);
    this.memory.load(f, at, order, scope, this.choose);
    this.#note(f, AccessKind.Read, at, this.memory.lo, this.memory.hi);
    if (this.#polling[f] === true) this.#sawInPoll(f, at);
  }

  store(f: number, at: number, lo: number, hi: number, order: OrderCode, scope: ScopeCode): void {
    this.#inPlain &= ~(1 << f);
    this.memory.store(f, at, lo, hi, order, scope);
    this.#changed(at);
    this.#note(f, AccessKind.Write, at, lo, hi);
  }

  /** 32-bit (`wide` false) or 64-bit addition below 2^53; returns the value before. */
  add(
    f: number,
    at: number,
    amount: number,
    order: OrderCode,
    scope: ScopeCode,
    wide = false,
  ): number {
    this.#inPlain &= ~(1 << f);
    const m = this.memory;
    m.beginUpdate(f, at, order, scope);
    const { lo, hi } = m;
    const before = wide ? hi * 2 ** 32 + lo : lo;
    const after = before + amount;
    m.finishUpdate(f, at, after >>> 0, wide ? Math.floor(after / 2 ** 32) : 0, order, scope);
    this.#changed(at);
    this.#note(f, AccessKind.Update, at, lo, hi);
    return before;
  }

  fetchOr(f: number, at: number, bits: number): number {
    this.#inPlain &= ~(1 << f);
    const m = this.memory;
    m.beginUpdate(f, at, Order.Relaxed, Scope.Block);
    const before = m.lo;
    m.finishUpdate(f, at, (before | bits) >>> 0, 0, Order.Relaxed, Scope.Block);
    this.#changed(at);
    this.#note(f, AccessKind.Update, at, before, 0);
    return before;
  }

  /** True when the caller must yield first: a run of plain accesses is one step. */
  startsPlain(f: number): boolean {
    const first = ((this.#inPlain >>> f) & 1) === 0;
    this.#inPlain |= 1 << f;
    return first;
  }

  readPlain(f: number, at: number): void {
    this.memory.readPlain(at);
    this.#note(f, AccessKind.Read, at, this.memory.lo, this.memory.hi);
  }

  writePlain(f: number, at: number, lo: number, hi: number): void {
    this.memory.writePlain(f, at, lo, hi);
    this.#note(f, AccessKind.Write, at, lo, hi);
  }

  // Waiting.

  *spin(f: number, poll: Poll): Life {
    for (;;) {
      this.#polling[f] = true;
      this.#polled[f]?.clear();
      if (yield* poll()) break;
      this.#polling[f] = false;
      if (this.#sleeps(f)) yield;
    }
    this.#polling[f] = false;
    this.memory.readNewest(f, false);
  }

  *rendezvous(f: number, group: readonly number[]): Life {
    let mask = 0;
    for (const member of group) mask |= 1 << member;
    this.#arrived |= 1 << f;
    if ((this.#arrived & mask) !== mask) {
      this.#runnable &= ~(1 << f);
      yield;
      return;
    }
    this.#arrived &= ~mask;
    this.memory.meet(group);
    this.#runnable |= mask & ~this.#finished;
  }

  #sawInPoll(f: number, at: number): void {
    const polled = this.#polled[f];
    const seen = this.memory.seen(f, at);
    // The oldest of several reads counts: if the word has moved on since, the poll is stale.
    if (polled !== undefined) polled.set(at, Math.min(seen, polled.get(at) ?? seen));
  }

  #sleeps(f: number): boolean {
    const polled = this.#polled[f] ?? new Map<number, number>();
    for (const [at, time] of polled) {
      if (this.memory.version(at) > time) {
        this.memory.readNewest(f, true);
        return false;
      }
    }
    this.memory.readNewest(f, false);
    for (const at of polled.keys()) this.#waiters[at] = (this.#waiters[at] ?? 0) | (1 << f);
    this.#runnable &= ~(1 << f);
    this.#asleep |= 1 << f;
    return true;
  }

  #changed(at: number): void {
    const woken = (this.#waiters[at] ?? 0) & this.#asleep;
    this.#waiters[at] = 0;
    this.#runnable |= woken;
    this.#asleep &= ~woken;
  }

  #note(f: number, kind: number, at: number, lo: number, hi: number): void {
    let h = stir(this.#digest, (f | (kind << 8) | (at << 16)) >>> 0);
    h = stir(stir(h, lo), hi);
    h = stir(stir(h, this.memory.seen(f, at)), this.memory.hash);
    this.#digest = stir(stir(h, this.#runnable >>> 0), 0);
    this.digests.push(this.#digest);
    if (this.#keepAccesses) this.accesses.push(f, kind, at, lo, hi);
  }
}
