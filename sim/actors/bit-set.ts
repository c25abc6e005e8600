import { Arena } from '../engine/arena.ts';

/** A fixed set of small integers, walked in ascending order. */
export class BitSet {
  #size = 0;
  /** Its words are [begin, end) of these. */
  readonly #words: Int32Array;
  readonly #begin: number;
  readonly #end: number;

  /** `arena`: where its words lie. */
  constructor(capacity: number, arena: Arena = new Arena()) {
    const count = (capacity + 31) >>> 5;
    this.#begin = arena.take(count);
    this.#end = this.#begin + count;
    this.#words = arena.words;
  }

  /** Number of members. */
  get size(): number {
    return this.#size;
  }

  has(member: number): boolean {
    return ((this.#words[this.#begin + (member >>> 5)]! >>> (member & 31)) & 1) === 1;
  }

  add(member: number): void {
    const at = this.#begin + (member >>> 5);
    const word = this.#words[at]!;
    const next = word | (1 << (member & 31));
    if (next !== word) this.#size++;
    this.#words[at] = next;
  }

  delete(member: number): void {
    const at = this.#begin + (member >>> 5);
    const word = this.#words[at]!;
    const next = word & ~(1 << (member & 31));
    if (next !== word) this.#size--;
    this.#words[at] = next;
  }

  clear(): void {
    this.#words.fill(0, this.#begin, this.#end);
    this.#size = 0;
  }

  /** Smallest member that is at least `from`; -1 when there is none. */
  nextFrom(from: number): number {
    const words = this.#words;
    const end = this.#end;
    let at = this.#begin + (from >>> 5);
    if (this.#size === 0 || at >= end) return -1;
    let word = words[at]! & (-1 << (from & 31));
    while (word === 0) {
      if (++at >= end) return -1;
      word = words[at]!;
    }
    return ((at - this.#begin) << 5) + (31 - Math.clz32(word & -word));
  }

  /** Members under `end`: one population count a word. */
  countBelow(end: number): number {
    const words = this.#words;
    const last = this.#begin + (end >>> 5);
    let count = 0;
    for (let at = this.#begin; at < last; at++) count += onesOf(words[at]!);
    const rest = end & 31;
    if (rest !== 0) count += onesOf(words[last]! & ((1 << rest) - 1));
    return count;
  }
}

/** Set bits of a 32-bit word. */
function onesOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const quads = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((quads + (quads >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
