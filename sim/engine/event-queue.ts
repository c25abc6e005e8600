/**
 * Pending events in total order (time, sequence): a monotone radix queue over integer time.
 *
 * Times are split into a high and a low word and those into 5-bit digits. An event waits in the bucket named by the
 * highest digit in which its time differs from the base, a time that none of the pending ones precedes. Every bucket is
 * FIFO. The nearest bucket gives up its earliest event by a look at all when they are few; when they are many, the base
 * moves to the start of that bucket and its events move on to lower digits, in order. So events of one time leave in the
 * order they came, and sequence numbers need not be stored, compared, or overflow.
 *
 * Events lie in chunks that belong to one bucket each, so that moving them reads and writes memory in sequence.
 *
 * Cost: O(1) to push; to pop, a look at 5 events or one move a digit. Memory: 20 bytes an event and a chunk of 1 KB for
 * each of at most 352 buckets. docs/results/engine.md has figures, beside those of heaps and of a calendar.
 */

/** Low words hold 30 bits and high words the other 23 of the 53 that a number counts exactly. */
const lowBits = 30;
const lowRange = 0x4000_0000;
const digitBits = 5;
const digits = 32;
const lowLevels = lowBits / digitBits;
const levels = lowLevels + 5;

/** Words of an event: high and low word of its time, handler, a, b. */
const stride = 5;

/** Words of a chunk: 51 events, then the word at which the next chunk of the bucket begins. */
const chunkWords = 256;
const chunkMask = chunkWords - 1;
const linkWord = 51 * stride;

/** Most words of a bucket that is searched rather than spread: measured, 5 events beat 3, 8 and 12. */
const searched = 5 * stride;

const none = -1;

/** A word with the digit at `shift` replaced and all lower ones zero. */
function startOf(word: number, digit: number, shift: number): number {
  const above = shift + digitBits;
  return ((word >>> above) << above) | (digit << shift);
}

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

  #size = 0;
  #words: Int32Array = new Int32Array(0);
  /** First of the chunks that no bucket has; the first word of each leads to the next. */
  #free = none;
  /** Of each bucket that holds events: the word of its first one, and the word after its last. */
  readonly #head: Int32Array = new Int32Array(levels * digits);
  readonly #tail: Int32Array = new Int32Array(levels * digits);
  /** Bit d of word l: bucket d of level l holds events. Bit l of `#occupied`: word l is not zero. */
  readonly #buckets: Int32Array = new Int32Array(levels);
  #occupied = 0;
  /** The time that buckets are relative to: at most every pending time. */
  #baseHigh = 0;
  #baseLow = 0;

  /** `expected`: events to make room for at first. */
  constructor(expected = 1024) {
    this.#grow(64 + Math.ceil((expected * stride) / linkWord));
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
    const timeHigh = Math.floor(time / lowRange);
    const timeLow = time - timeHigh * lowRange;
    const at = this.#append(timeHigh, timeLow);
    const words = this.#words;
    words[at] = timeHigh;
    words[at + 1] = timeLow;
    words[at + 2] = handler;
    words[at + 3] = a;
    words[at + 4] = b;
    this.#size++;
  }

  /**
   * Lets an empty queue begin anew at `time`, before or after what was popped last; nothing may be pushed before it.
   * @throws {RangeError} when events are left.
   */
  restart(time: number): void {
    if (this.#size > 0) throw new RangeError(`event queue: restart with ${this.#size} events left`);
    this.time = time;
    this.#baseHigh = Math.floor(time / lowRange);
    this.#baseLow = time - this.#baseHigh * lowRange;
  }

  /** Takes the earliest event, of equal times the one pushed first, into the public fields. False when there is none. */
  pop(): boolean {
    while (this.#occupied !== 0) {
      const level = 31 - Math.clz32(this.#occupied & -this.#occupied);
      const buckets = this.#buckets[level]!;
      const digit = 31 - Math.clz32(buckets & -buckets);
      const bucket = (level << digitBits) | digit;
      const first = this.#head[bucket]!;
      const last = this.#tail[bucket]!;
      // A level-0 bucket is a single time; so is a lone event, wherever it waits.
      if (level === 0 || first + stride === last) {
        this.#baseHigh = this.#words[first]!;
        this.#baseLow = this.#words[first + 1]!;
        this.#take(first);
        this.#behead(level, digit, first + stride);
        return true;
      }
      if (last - first <= searched && ((first ^ (last - 1)) & ~chunkMask) === 0) {
        const earliest = this.#earliest(first, last);
        this.#take(earliest);
        const words = this.#words;
        for (let at = earliest - 1; at >= first; at--) words[at + stride] = words[at]!;
        this.#head[bucket] = first + stride;
        return true;
      }
      this.#vacate(level, digit);
      this.#moveBase(level, digit);
      this.#spread(first, last);
    }
    return false;
  }

  /** Makes room for an event at the end of its bucket and returns the first word of it. */
  #append(timeHigh: number, timeLow: number): number {
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
    let at: number;
    if (((buckets >>> digit) & 1) === 0) {
      at = this.#chunk();
      this.#head[bucket] = at;
      this.#buckets[level] = buckets | (1 << digit);
      this.#occupied |= 1 << level;
    } else {
      at = this.#tail[bucket]!;
      if ((at & chunkMask) === linkWord) {
        const next = this.#chunk();
        this.#words[at] = next;
        at = next;
      }
    }
    this.#tail[bucket] = at + stride;
    return at;
  }

  /** Reads an event into the public fields. */
  #take(at: number): void {
    const words = this.#words;
    this.time = words[at]! * lowRange + words[at + 1]!;
    this.handler = words[at + 2]!;
    this.a = words[at + 3]!;
    this.b = words[at + 4]!;
    this.#size--;
  }

  /** The first of the earliest events in [first, end), which lie in one chunk. */
  #earliest(first: number, end: number): number {
    const words = this.#words;
    let earliest = first;
    let high = words[first]!;
    let low = words[first + 1]!;
    for (let at = first + stride; at < end; at += stride) {
      const atHigh = words[at]!;
      const atLow = words[at + 1]!;
      if (atHigh < high || (atHigh === high && atLow < low)) {
        earliest = at;
        high = atHigh;
        low = atLow;
      }
    }
    return earliest;
  }

  /** Lets a bucket begin at `next`, the word after the event that was its first. */
  #behead(level: number, digit: number, next: number): void {
    const bucket = (level << digitBits) | digit;
    if (next === this.#tail[bucket]!) {
      this.#release(next);
      this.#vacate(level, digit);
    } else if ((next & chunkMask) === linkWord) {
      this.#head[bucket] = this.#words[next]!;
      this.#release(next);
    } else {
      this.#head[bucket] = next;
    }
  }

  /** Moves the events of a vacated bucket to the buckets they belong to under the base of now. */
  #spread(first: number, end: number): void {
    let at = first;
    while (at !== end) {
      if ((at & chunkMask) === linkWord) {
        const next = this.#words[at]!;
        this.#release(at);
        at = next;
      }
      const timeHigh = this.#words[at]!;
      const timeLow = this.#words[at + 1]!;
      const to = this.#append(timeHigh, timeLow);
      const words = this.#words;
      words[to] = timeHigh;
      words[to + 1] = timeLow;
      words[to + 2] = words[at + 2]!;
      words[to + 3] = words[at + 3]!;
      words[to + 4] = words[at + 4]!;
      at += stride;
    }
    this.#release(end);
  }

  #vacate(level: number, digit: number): void {
    const left = this.#buckets[level]! & ~(1 << digit);
    this.#buckets[level] = left;
    if (left === 0) this.#occupied &= ~(1 << level);
  }

  /** Moves the base to the start of a bucket's range. Lower levels are empty, so no other event changes its bucket. */
  #moveBase(level: number, digit: number): void {
    if (level < lowLevels) {
      this.#baseLow = startOf(this.#baseLow, digit, level * digitBits);
    } else {
      this.#baseHigh = startOf(this.#baseHigh, digit, (level - lowLevels) * digitBits);
      this.#baseLow = 0;
    }
  }

  #chunk(): number {
    if (this.#free === none) this.#grow(this.#words.length / chunkWords);
    const chunk = this.#free;
    this.#free = this.#words[chunk]!;
    return chunk;
  }

  /** Gives back the chunk whose last used word lies just before `end`. */
  #release(end: number): void {
    const chunk = (end - 1) & ~chunkMask;
    this.#words[chunk] = this.#free;
    this.#free = chunk;
  }

  #grow(chunks: number): void {
    const begin = this.#words.length;
    const words = new Int32Array(begin + chunks * chunkWords);
    words.set(this.#words);
    for (let chunk = begin; chunk < words.length; chunk += chunkWords) {
      words[chunk] = chunk + chunkWords < words.length ? chunk + chunkWords : this.#free;
    }
    this.#free = begin;
    this.#words = words;
  }
}
