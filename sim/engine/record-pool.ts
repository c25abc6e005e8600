/**
 * Records of some 32-bit words each, numbered from 0 and used again once freed: what is on its way, without an object for
 * each. The lowest free number is taken, so what is in use stays together after a time in which much more was. Were the last
 * one freed taken first, a few thousand records would be left scattered over the memory of a million, each on a page of its
 * own, and finding the page takes longer than what is done there. A bit a record and one for 32 tell which are free.
 * `words` is another array after {@link take} has grown the pool.
 */
export class RecordPool {
  words: Int32Array;

  readonly #stride: number;
  /** Bit r of all words: record r is free. */
  #free: Int32Array;
  /** Bit w of all words: word w of `#free` is not zero. */
  #some: Int32Array;
  /** No earlier word of `#some` has a bit. */
  #from = 0;

  /** `stride`: words of a record. */
  constructor(stride: number) {
    this.#stride = stride;
    this.words = new Int32Array(0);
    this.#free = new Int32Array(0);
    this.#some = new Int32Array(0);
  }

  /** A free record; its words hold what was there before. */
  take(): number {
    const some = this.#some;
    let at = this.#from;
    while (at < some.length && some[at] === 0) at++;
    this.#from = at;
    if (at === some.length) {
      this.#grow();
      return this.take();
    }
    const word = (at << 5) + lowestBit(this.#some[at]!);
    const free = this.#free[word]!;
    const left = free & (free - 1);
    this.#free[word] = left;
    if (left === 0) this.#some[at]! &= this.#some[at]! - 1;
    return (word << 5) + lowestBit(free);
  }

  /** Gives a record back; its words stay until it is taken again. */
  free(record: number): void {
    const word = record >>> 5;
    const at = word >>> 5;
    this.#free[word]! |= 1 << (record & 31);
    this.#some[at]! |= 1 << (word & 31);
    if (at < this.#from) this.#from = at;
  }

  #grow(): void {
    const before = this.words.length / this.#stride;
    const after = Math.max(1024, 2 * before);
    const words = new Int32Array(after * this.#stride);
    words.set(this.words);
    this.words = words;
    // All records so far are in use.
    this.#free = new Int32Array(after >>> 5).fill(-1, before >>> 5);
    this.#some = new Int32Array(after >>> 10).fill(-1, before >>> 10);
  }
}

/** Number of the lowest bit of a word that is not zero. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
