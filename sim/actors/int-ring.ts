/** A FIFO of integers that grows: what schedulers keep tasks and processors in. */
export class IntRing {
  #head = 0;
  #tail = 0;
  #items: Int32Array;

  constructor(expected = 16) {
    let capacity = 16;
    while (capacity < expected) capacity *= 2;
    this.#items = new Int32Array(capacity);
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  push(item: number): void {
    if (this.size === this.#items.length) this.#grow();
    this.#items[this.#tail++ & (this.#items.length - 1)] = item;
  }

  /** Takes the oldest item; throws when there is none. */
  shift(): number {
    if (this.size === 0) throw new RangeError('ring: nothing to take');
    return this.#items[this.#head++ & (this.#items.length - 1)]!;
  }

  #grow(): void {
    const old = this.#items;
    const items = new Int32Array(old.length * 2);
    for (let at = this.#head; at < this.#tail; at++) {
      items[at & (items.length - 1)] = old[at & (old.length - 1)]!;
    }
    this.#items = items;
  }
}
