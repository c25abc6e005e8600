/**
 * Pending events in total order (time, sequence): a monotone radix queue over integer time.
 *
 * Times are split into a high and a low word and those into 5-bit digits. An event waits in the bucket named by the
 * highest digit in which its time differs from the time last popped; when the nearest bucket is not a single event or a
 * single time, its events move to lower digits. Every bucket is a FIFO list and moves keep its order, so events of one
 * time leave in the order they came: sequence numbers need not be stored, compared, or overflow.
 *
 * Cost: O(1) to push, at most one move a digit to pop, no comparisons between events. On hold models with exponential
 * delays it keeps up with a 4-ary heap at 100 and at 1,000,000 pending and takes half its time at 10,000.
 */

/** Low words hold 30 bits and high words the other 23 of the 53 that a number counts exactly. */
const lowBits = 30;
const lowRange = 0x4000_0000;
const digitBits = 5;
const digits = 32;
const lowLevels = lowBits / digitBits;
const levels = lowLevels + 5;

/** One event: half a cache line. */
const stride = 8;
const next = 0;
const high = 1;
const low = 2;
const handlerWord = 3;
const aWord = 4;
const bWord = 5;
const none = -1;

/** Floor of `bit / 5` for bits 0 to 31, without a division. */
function levelOf(bit: number): number {
  return (bit * 13) >> 6;
}

export class EventQueue {
  /** Time of the event last popped; nothing may be pushed before it. */
  time = 0;
  /** What was last popped. */
  handler = 0;
  a = 0;
  b = 0;

  #words: Int32Array;
  #free = none;
  #size = 0;
  #capacity = 0;
  readonly #head: Int32Array = new Int32Array(levels * digits).fill(none);
  readonly #tail: Int32Array = new Int32Array(levels * digits).fill(none);
  /** Bit d of word l: bucket d of level l holds events. Bit l of `#occupied`: word l is not zero. */
  readonly #buckets: Int32Array = new Int32Array(levels);
  #occupied = 0;
  /** The time that buckets are relative to: at most every pending time. */
  #baseHigh = 0;
  #baseLow = 0;

  constructor(expected = 1024) {
    this.#words = new Int32Array(0);
    this.#grow(Math.max(16, expected));
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds an event. `handler`, `a` and `b` are 32-bit signed integers that come back from {@link pop}.
   * @throws {RangeError} when `time` is not an integer below 2^53 or lies before the time last popped.
   */
  push(time: number, handler: number, a: number, b: number): void {
    if (!(time >= this.time && time <= Number.MAX_SAFE_INTEGER && Math.floor(time) === time)) {
      throw new RangeError(
        `event time: expected an integer from ${this.time} (now) below 2^53, got ${time}`,
      );
    }
    if (this.#free === none) this.#grow(this.#capacity * 2);
    const at = this.#free;
    const words = this.#words;
    this.#free = words[at + next]!;
    const timeHigh = Math.floor(time / lowRange);
    const timeLow = time - timeHigh * lowRange;
    words[at + high] = timeHigh;
    words[at + low] = timeLow;
    words[at + handlerWord] = handler;
    words[at + aWord] = a;
    words[at + bWord] = b;
    this.#place(at, timeHigh, timeLow);
    this.#size++;
  }

  /** Takes the earliest event, of equal times the one pushed first, into the public fields. False when empty. */
  pop(): boolean {
    const words = this.#words;
    while (this.#occupied !== 0) {
      const level = 31 - Math.clz32(this.#occupied & -this.#occupied);
      const buckets = this.#buckets[level]!;
      const digit = 31 - Math.clz32(buckets & -buckets);
      const bucket = (level << digitBits) | digit;
      const first = this.#head[bucket]!;
      const second = words[first + next]!;
      // A level-0 bucket is a single time; so is a lone event, wherever it waits.
      if (level === 0 || second === none) {
        this.#head[bucket] = second;
        if (second === none) this.#empty(level, digit);
        this.#take(first);
        return true;
      }
      this.#empty(level, digit);
      this.#moveBase(level, digit);
      for (let at = first; at !== none; ) {
        const after = words[at + next]!;
        this.#place(at, words[at + high]!, words[at + low]!);
        at = after;
      }
    }
    return false;
  }

  #place(at: number, timeHigh: number, timeLow: number): void {
    let level: number;
    let digit: number;
    if (timeHigh === this.#baseHigh) {
      level = levelOf(31 - Math.clz32((timeLow ^ this.#baseLow) | 1));
      digit = (timeLow >>> (level * digitBits)) & (digits - 1);
    } else {
      level = levelOf(31 - Math.clz32(timeHigh ^ this.#baseHigh));
      digit = (timeHigh >>> (level * digitBits)) & (digits - 1);
      level += lowLevels;
    }
    const bucket = (level << digitBits) | digit;
    const buckets = this.#buckets[level]!;
    this.#words[at + next] = none;
    if (((buckets >>> digit) & 1) === 0) {
      this.#head[bucket] = at;
      this.#buckets[level] = buckets | (1 << digit);
      this.#occupied |= 1 << level;
    } else {
      this.#words[this.#tail[bucket]! + next] = at;
    }
    this.#tail[bucket] = at;
  }

  #empty(level: number, digit: number): void {
    const left = this.#buckets[level]! & ~(1 << digit);
    this.#buckets[level] = left;
    if (left === 0) this.#occupied &= ~(1 << level);
  }

  /** Moves the base to the start of a bucket's range. Lower levels are empty, so no other event changes its bucket. */
  #moveBase(level: number, digit: number): void {
    const above = (word: number, shift: number): number =>
      ((word >>> (shift + digitBits)) << (shift + digitBits)) | (digit << shift);
    if (level < lowLevels) {
      this.#baseLow = above(this.#baseLow, level * digitBits);
    } else {
      this.#baseHigh = above(this.#baseHigh, (level - lowLevels) * digitBits);
      this.#baseLow = 0;
    }
  }

  #take(at: number): void {
    const words = this.#words;
    this.#baseHigh = words[at + high]!;
    this.#baseLow = words[at + low]!;
    this.time = this.#baseHigh * lowRange + this.#baseLow;
    this.handler = words[at + handlerWord]!;
    this.a = words[at + aWord]!;
    this.b = words[at + bWord]!;
    words[at + next] = this.#free;
    this.#free = at;
    this.#size--;
  }

  #grow(capacity: number): void {
    const words = new Int32Array(capacity * stride);
    words.set(this.#words);
    for (let slot = this.#capacity; slot < capacity; slot++) {
      words[slot * stride + next] = slot + 1 < capacity ? (slot + 1) * stride : this.#free;
    }
    this.#free = this.#capacity * stride;
    this.#words = words;
    this.#capacity = capacity;
  }
}
