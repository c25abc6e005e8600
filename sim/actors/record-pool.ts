/**
 * Records of a few 32-bit words each, numbered from 0 and used again once freed: what is on its way, without an object for
 * each. `words` is another array after {@link take} has grown the pool.
 */
export class RecordPool {
  words: Int32Array;

  readonly #stride: number;
  /** First of the free records; the first word of each leads to the next. -1: none. */
  #free = -1;

  /** `stride`: words of a record. */
  constructor(stride: number) {
    this.#stride = stride;
    this.words = new Int32Array(0);
  }

  /** A free record; its words hold what was there before. */
  take(): number {
    if (this.#free < 0) this.#grow();
    const record = this.#free;
    this.#free = this.words[record * this.#stride]!;
    return record;
  }

  /** Gives a record back; its words but the first stay until it is taken again. */
  free(record: number): void {
    this.words[record * this.#stride] = this.#free;
    this.#free = record;
  }

  #grow(): void {
    const stride = this.#stride;
    const before = this.words.length / stride;
    const after = Math.max(16, 2 * before);
    const words = new Int32Array(after * stride);
    words.set(this.words);
    for (let record = before; record < after; record++) {
      words[record * stride] = record + 1 < after ? record + 1 : this.#free;
    }
    this.#free = before;
    this.words = words;
  }
}
