import { Arena } from '../engine/arena.ts';

/** A FIFO of integers that grows: what schedulers keep tasks and processors in. */
export class IntRing {
  readonly #arena: Arena;
  #head = 0;
  #tail = 0;
  /** Its items lie in these from `begin` on. */
  #words: Int32Array;
  #begin: number;
  #mask: number;

  /** `arena`: where its items lie; what it grows out of stays unused there. */
  constructor(expected = 16, arena: Arena = new Arena()) {
    let capacity = 16;
    while (capacity < expected) capacity *= 2;
    this.#arena = arena;
    this.#begin = arena.take(capacity);
    this.#words = arena.words;
    this.#mask = capacity - 1;
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  push(item: number): void {
    if (this.size > this.#mask) this.#grow();
    this.#words[this.#begin + (this.#tail++ & this.#mask)] = item;
  }

  /** Takes the oldest item; throws when there is none. */
  shift(): number {
    if (this.size === 0) throw new RangeError('ring: nothing to take');
    return this.#words[this.#begin + (this.#head++ & this.#mask)]!;
  }

  #grow(): void {
    const mask = 2 * this.#mask + 1;
    const begin = this.#arena.take(mask + 1);
    const { words } = this.#arena;
    for (let at = this.#head; at < this.#tail; at++) {
      words[begin + (at & mask)] = this.#words[this.#begin + (at & this.#mask)]!;
    }
    this.#words = words;
    this.#begin = begin;
    this.#mask = mask;
  }
}
