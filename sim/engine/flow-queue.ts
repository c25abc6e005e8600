import { FlowHeap } from './flow-heap.ts';

/**
 * Flows by (key, order of arrival). Flows of like size that share a rate end in the order they started, so most keys come
 * in ascending order: those wait in a ring, in O(1); only the others need a heap.
 *
 * A flow goes to the ring when its key is no less than the last one there, and to the heap otherwise or while the ring is
 * empty and the heap is not. So a flow of the ring came before any flow of the heap with the same key.
 */
export class FlowQueue {
  /** What {@link pop} last took. */
  handler = 0;
  a = 0;
  b = 0;

  readonly #heap: FlowHeap = new FlowHeap();
  #head = 0;
  #tail = 0;
  #mask = 15;
  #keys: Float64Array = new Float64Array(16);
  #args: Int32Array = new Int32Array(3 * 16);

  get size(): number {
    return this.#tail - this.#head + this.#heap.size;
  }

  /** Smallest key; NaN when empty. */
  get firstKey(): number {
    if (this.#heap.size === 0) {
      return this.#head === this.#tail ? Number.NaN : this.#keys[this.#head & this.#mask]!;
    }
    const heapKey = this.#heap.firstKey;
    if (this.#head === this.#tail) return heapKey;
    return Math.min(heapKey, this.#keys[this.#head & this.#mask]!);
  }

  push(key: number, handler: number, a: number, b: number): void {
    const empty = this.#head === this.#tail;
    const inOrder = empty
      ? this.#heap.size === 0
      : key >= this.#keys[(this.#tail - 1) & this.#mask]!;
    if (!inOrder) {
      this.#heap.push(key, handler, a, b);
      return;
    }
    if (this.#tail - this.#head > this.#mask) this.#grow();
    const at = this.#tail++ & this.#mask;
    this.#keys[at] = key;
    this.#args[3 * at] = handler;
    this.#args[3 * at + 1] = a;
    this.#args[3 * at + 2] = b;
  }

  /** Takes the first flow into the public fields. */
  pop(): void {
    const heap = this.#heap;
    const at = this.#head & this.#mask;
    if (this.#head === this.#tail || heap.firstKey < this.#keys[at]!) {
      heap.pop();
      this.handler = heap.handler;
      this.a = heap.a;
      this.b = heap.b;
      return;
    }
    this.#head++;
    this.handler = this.#args[3 * at]!;
    this.a = this.#args[3 * at + 1]!;
    this.b = this.#args[3 * at + 2]!;
  }

  #grow(): void {
    const mask = 2 * this.#mask + 1;
    const keys = new Float64Array(mask + 1);
    const args = new Int32Array(3 * (mask + 1));
    for (let from = this.#head; from < this.#tail; from++) {
      const at = from & this.#mask;
      keys[from & mask] = this.#keys[at]!;
      args.set(this.#args.subarray(3 * at, 3 * at + 3), 3 * (from & mask));
    }
    this.#mask = mask;
    this.#keys = keys;
    this.#args = args;
  }
}
