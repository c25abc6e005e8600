import { Arena } from '../engine/arena.ts';

/** Words of an entry: first task, count, and in a real when it is seen. */
const entryWords = 4;

/**
 * A task queue: a ring of entries in ticket order, written by publishers and read at its head by the scheduler. An entry
 * lies in the ring from the moment it is published but is seen only from its visible time on.
 */
export class TaskQueue {
  readonly capacity: number;

  readonly #arena: Arena;
  #head = 0;
  #tail = 0;
  // The store grows to what is used: the ring's capacity is an epoch's upper bound, far over what ever lies unread.
  #mask = 7;
  /** Its entries lie in these from word `begin` on. */
  #words: Int32Array;
  #reals: Float64Array;
  #begin: number;

  /** `capacity`: most entries that may lie unread, as the kernel's ring has. `arena`: where they lie. */
  constructor(capacity: number, arena: Arena = new Arena()) {
    this.capacity = capacity;
    this.#arena = arena;
    this.#begin = arena.take((this.#mask + 1) * entryWords);
    this.#words = arena.words;
    this.#reals = arena.reals;
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
    return this.size === 0
      ? Number.POSITIVE_INFINITY
      : this.#reals[(this.#at(this.#head) >> 1) + 1]!;
  }

  get headFirst(): number {
    return this.#words[this.#at(this.#head)]!;
  }

  get headCount(): number {
    return this.#words[this.#at(this.#head) + 1]!;
  }

  /** Publishes tasks [first, first + count); the entry is seen from `visible` on. Throws when the ring is full (L4). */
  publish(first: number, count: number, visible: number): void {
    if (this.size === this.capacity) {
      throw new RangeError(`task queue overflow: ${this.capacity} entries wait and another came`);
    }
    if (this.size > this.#mask) this.#grow();
    const at = this.#at(this.#tail++);
    this.#words[at] = first;
    this.#words[at + 1] = count;
    this.#reals[(at >> 1) + 1] = visible;
  }

  /** Takes the head entry. */
  take(): void {
    if (this.size === 0) throw new RangeError('task queue: nothing to take');
    this.#head++;
  }

  /** First word of the entry with a ticket. */
  #at(ticket: number): number {
    return this.#begin + (ticket & this.#mask) * entryWords;
  }

  #grow(): void {
    const mask = 2 * this.#mask + 1;
    const begin = this.#arena.take((mask + 1) * entryWords);
    const { words, reals } = this.#arena;
    for (let ticket = this.#head; ticket < this.#tail; ticket++) {
      const from = this.#at(ticket);
      const to = begin + (ticket & mask) * entryWords;
      words.set(this.#words.subarray(from, from + entryWords), to);
    }
    this.#words = words;
    this.#reals = reals;
    this.#begin = begin;
    this.#mask = mask;
  }
}
