/**
 * Memory for many small arrays that live equally long: slices of a few large chunks. An array of its own for each costs an
 * object of 100 bytes and lies wherever the heap has room; the memory of one GPU then is spread over so many pages that
 * finding them takes longer than what is done there.
 */
export class Arena {
  /** The chunk that {@link take} last took from, as integers and as reals. */
  words: Int32Array = new Int32Array(0);
  reals: Float64Array = new Float64Array(this.words.buffer);

  readonly #chunkWords: number;
  #used = 0;

  /** `chunkWords`: words of a chunk; zero: each slice has a chunk of its own. */
  constructor(chunkWords = 0) {
    this.#chunkWords = evenOf(chunkWords);
  }

  /** Takes `count` words, all zero; returns the first, an even number. They lie in {@link words} as it is after the call. */
  take(count: number): number {
    const even = evenOf(count);
    if (this.#used + even > this.words.length) {
      this.words = new Int32Array(Math.max(this.#chunkWords, even));
      this.reals = new Float64Array(this.words.buffer);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += even;
    return at;
  }
}

/** A real is two words, and slices begin at one. */
function evenOf(words: number): number {
  return words + (words & 1);
}
