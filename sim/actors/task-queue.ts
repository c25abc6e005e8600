/**
 * A task queue: a ring of entries in ticket order, written by publishers and read at its head by the scheduler. An entry
 * lies in the ring from the moment it is published but is seen only from its visible time on.
 */
export class TaskQueue {
  readonly capacity: number;

  #head = 0;
  #tail = 0;
  // The store grows to what is used: the ring's capacity is an epoch's upper bound, far over what ever lies unread.
  #mask = 15;
  #first: Int32Array = new Int32Array(16);
  #count: Int32Array = new Int32Array(16);
  #visible: Float64Array = new Float64Array(16);

  /** `capacity`: most entries that may lie unread, as the kernel's ring has. */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Entries published and not yet taken. */
  get size(): number {
    return this.#tail - this.#head;
  }

  /** Ticket of the next entry to be published; counts on over launches. */
  get nextTicket(): number {
    return this.#tail;
  }

  /** When the head entry can be seen; Infinity when there is none. */
  get headVisible(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.#visible[this.#head & this.#mask]!;
  }

  get headFirst(): number {
    return this.#first[this.#head & this.#mask]!;
  }

  get headCount(): number {
    return this.#count[this.#head & this.#mask]!;
  }

  /** Publishes tasks [first, first + count); the entry is seen from `visible` on. Throws when the ring is full (L4). */
  publish(first: number, count: number, visible: number): void {
    if (this.size === this.capacity) {
      throw new RangeError(`task queue overflow: ${this.capacity} entries wait and another came`);
    }
    if (this.size > this.#mask) this.#grow();
    const at = this.#tail++ & this.#mask;
    this.#first[at] = first;
    this.#count[at] = count;
    this.#visible[at] = visible;
  }

  /** Takes the head entry. */
  take(): void {
    if (this.size === 0) throw new RangeError('task queue: nothing to take');
    this.#head++;
  }

  #grow(): void {
    const mask = 2 * this.#mask + 1;
    const first = new Int32Array(mask + 1);
    const count = new Int32Array(mask + 1);
    const visible = new Float64Array(mask + 1);
    for (let ticket = this.#head; ticket < this.#tail; ticket++) {
      first[ticket & mask] = this.#first[ticket & this.#mask]!;
      count[ticket & mask] = this.#count[ticket & this.#mask]!;
      visible[ticket & mask] = this.#visible[ticket & this.#mask]!;
    }
    this.#mask = mask;
    this.#first = first;
    this.#count = count;
    this.#visible = visible;
  }
}
