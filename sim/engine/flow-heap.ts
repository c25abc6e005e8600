/**
 * Binary heap of flows by (key, order of arrival) in typed arrays. Keys are real numbers, so the integer radix queue of
 * events cannot hold them.
 */
export class FlowHeap {
  /** What {@link pop} last took. */
  handler = 0;
  a = 0;
  b = 0;

  #size = 0;
  #arrivals = 0;
  #keys: Float64Array = new Float64Array(16);
  #order: Float64Array = new Float64Array(16);
  #args: Int32Array = new Int32Array(3 * 16);

  get size(): number {
    return this.#size;
  }

  /** Smallest key; NaN when empty. */
  get firstKey(): number {
    return this.#size === 0 ? Number.NaN : this.#keys[0]!;
  }

  push(key: number, handler: number, a: number, b: number): void {
    if (this.#size === this.#keys.length) this.#grow();
    const order = this.#arrivals++;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      // A parent with an equal key came earlier.
      if (this.#keys[parent]! <= key) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, key, order, handler, a, b);
  }

  /** Takes the first flow into the public fields. */
  pop(): void {
    if (this.#size === 0) throw new RangeError('flow heap: pop from an empty heap');
    this.handler = this.#args[0]!;
    this.a = this.#args[1]!;
    this.b = this.#args[2]!;
    const last = --this.#size;
    if (last === 0) return;
    const key = this.#keys[last]!;
    const order = this.#order[last]!;
    let at = 0;
    for (let child = 1; child < last; child = 2 * at + 1) {
      if (child + 1 < last && this.#before(child + 1, this.#keys[child]!, this.#order[child]!)) {
        child++;
      }
      if (!this.#before(child, key, order)) break;
      this.#move(child, at);
      at = child;
    }
    const args = this.#args;
    this.#set(at, key, order, args[3 * last]!, args[3 * last + 1]!, args[3 * last + 2]!);
  }

  #before(at: number, key: number, order: number): boolean {
    const own = this.#keys[at]!;
    return own < key || (own === key && this.#order[at]! < order);
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from]!;
    this.#order[to] = this.#order[from]!;
    const args = this.#args;
    args[3 * to] = args[3 * from]!;
    args[3 * to + 1] = args[3 * from + 1]!;
    args[3 * to + 2] = args[3 * from + 2]!;
  }

  #set(at: number, key: number, order: number, handler: number, a: number, b: number): void {
    this.#keys[at] = key;
    this.#order[at] = order;
    this.#args[3 * at] = handler;
    this.#args[3 * at + 1] = a;
    this.#args[3 * at + 2] = b;
  }

  #grow(): void {
    const capacity = this.#keys.length * 2;
    const keys = new Float64Array(capacity);
    const order = new Float64Array(capacity);
    const args = new Int32Array(3 * capacity);
    keys.set(this.#keys);
    order.set(this.#order);
    args.set(this.#args);
    this.#keys = keys;
    this.#order = order;
    this.#args = args;
  }
}
