/** A d-ary heap in typed arrays by (time, sequence): what the engine's queue was chosen against. */
export class HeapQueue {
  time = 0;
  handler = 0;
  a = 0;
  b = 0;

  readonly #shift: number;
  #size = 0;
  #sequence = 0;
  #times: Float64Array;
  #sequences: Float64Array;
  #slots: Int32Array;
  #args: Int32Array;

  /** `shift`: 1 for a binary heap, 2 for a 4-ary one. Room for `capacity` events, no more. */
  constructor(shift: number, capacity: number) {
    this.#shift = shift;
    this.#times = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#slots = Int32Array.from({ length: capacity }, (_, slot) => slot);
    this.#args = new Int32Array(3 * capacity);
  }

  push(time: number, handler: number, a: number, b: number): void {
    const times = this.#times;
    let at = this.#size++;
    const slot = this.#slots[at]!;
    this.#args[3 * slot] = handler;
    this.#args[3 * slot + 1] = a;
    this.#args[3 * slot + 2] = b;
    while (at > 0) {
      const parent = (at - 1) >> this.#shift;
      // A parent of the same time came earlier.
      if (times[parent]! <= time) break;
      this.#move(parent, at);
      at = parent;
    }
    times[at] = time;
    this.#sequences[at] = this.#sequence++;
    this.#slots[at] = slot;
  }

  pop(): boolean {
    if (this.#size === 0) return false;
    const top = this.#slots[0]!;
    this.time = this.#times[0]!;
    this.handler = this.#args[3 * top]!;
    this.a = this.#args[3 * top + 1]!;
    this.b = this.#args[3 * top + 2]!;
    const last = --this.#size;
    const time = this.#times[last]!;
    const sequence = this.#sequences[last]!;
    const slot = this.#slots[last]!;
    let at = 0;
    for (;;) {
      const child = this.#earliestChild(at, last);
      if (child < 0 || !this.#before(child, time, sequence)) break;
      this.#move(child, at);
      at = child;
    }
    this.#times[at] = time;
    this.#sequences[at] = sequence;
    this.#slots[at] = slot;
    this.#slots[last] = top;
    return true;
  }

  #earliestChild(at: number, size: number): number {
    const first = (at << this.#shift) + 1;
    if (first >= size) return -1;
    const end = Math.min(size, first + (1 << this.#shift));
    let earliest = first;
    for (let child = first + 1; child < end; child++) {
      if (this.#before(child, this.#times[earliest]!, this.#sequences[earliest]!)) earliest = child;
    }
    return earliest;
  }

  #before(at: number, time: number, sequence: number): boolean {
    const own = this.#times[at]!;
    return own < time || (own === time && this.#sequences[at]! < sequence);
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#sequences[to] = this.#sequences[from]!;
    this.#slots[to] = this.#slots[from]!;
  }
}
