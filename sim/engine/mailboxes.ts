import type { EventQueue } from './event-queue.ts';

/** Words of a letter: high and low word of its time, handler, a, b, and the letter after it in its box. */
const stride = 6;
const nextWord = 5;

const none = -1;

/** Times are split at this bit, as in the event queue. */
const lowRange = 0x4000_0000;

/**
 * Events on their way to lanes, a list for each lane in the order they were posted. Letters lie one after the other in one
 * array and are reused once delivered; a post touches the end of a list and no queue. 24 bytes a letter, 16 a box.
 */
export class Mailboxes {
  /** Letters not delivered. */
  size = 0;
  #words: Int32Array = new Int32Array(0);
  /** First of the letters that are free; -1: none. */
  #free = none;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #earliest: Float64Array;

  constructor(boxes: number) {
    this.#first = new Int32Array(boxes).fill(none);
    this.#last = new Int32Array(boxes);
    this.#earliest = new Float64Array(boxes).fill(Number.POSITIVE_INFINITY);
  }

  /** Time of the earliest letter in a box; Infinity when it is empty. */
  earliestOf(box: number): number {
    return this.#earliest[box]!;
  }

  /** Posts an event; `time` is an integer from 0, below 2^53. */
  post(box: number, time: number, handler: number, a: number, b: number): void {
    if (this.#free === none) this.#grow();
    const at = this.#free;
    const words = this.#words;
    this.#free = words[at + nextWord]!;
    const high = Math.floor(time / lowRange);
    words[at] = high;
    words[at + 1] = time - high * lowRange;
    words[at + 2] = handler;
    words[at + 3] = a;
    words[at + 4] = b;
    words[at + nextWord] = none;
    if (this.#first[box] === none) this.#first[box] = at;
    else words[this.#last[box]! + nextWord] = at;
    this.#last[box] = at;
    if (time < this.#earliest[box]!) this.#earliest[box] = time;
    this.size++;
  }

  /** Empties a box into a queue, in the order of posting. */
  deliver(box: number, queue: EventQueue): void {
    const first = this.#first[box]!;
    if (first === none) return;
    const words = this.#words;
    for (let at = first; at !== none; at = words[at + nextWord]!) {
      const time = words[at]! * lowRange + words[at + 1]!;
      queue.push(time, words[at + 2]!, words[at + 3]!, words[at + 4]!);
      this.size--;
    }
    words[this.#last[box]! + nextWord] = this.#free;
    this.#free = first;
    this.#first[box] = none;
    this.#earliest[box] = Number.POSITIVE_INFINITY;
  }

  #grow(): void {
    const before = this.#words.length;
    const after = Math.max(1024 * stride, 2 * before);
    const words = new Int32Array(after);
    words.set(this.#words);
    for (let at = before; at < after; at += stride) {
      words[at + nextWord] = at + stride < after ? at + stride : this.#free;
    }
    this.#free = before;
    this.#words = words;
  }
}
