/** Words of a bucket: its first event and its last. */
const bucketWords = 2;

/** Words of an event: handler, a, b, and the event after it in its bucket, or the next free one. */
const stride = 4;
const nextWord = 3;

const none = -1;

/**
 * The events of one turn of a lane in total order (time, sequence): a FIFO bucket for each time that a turn may hold and a
 * bit for each that is not empty. What lies beyond a turn has no place here, so that a push and a pop are a few
 * accesses to memory that stays in the nearest cache: 8 bytes and a bit a bucket, 16 bytes an event.
 */
export class TurnQueue {
  /** Time of the event last popped. */
  time = 0;
  /** What was last popped. */
  handler = 0;
  a = 0;
  b = 0;
  size = 0;

  readonly #span: number;
  /** Time of the first bucket. */
  #begin = 0;
  readonly #buckets: Int32Array;
  readonly #occupied: Int32Array;
  /** No earlier word of `#occupied` has a bit. */
  #word = 0;
  #events: Int32Array = new Int32Array(0);
  #free = none;

  /** `span`: most times of a turn. */
  constructor(span: number) {
    this.#span = span;
    const words = (span + 31) >> 5;
    this.#buckets = new Int32Array(words * 32 * bucketWords);
    this.#occupied = new Int32Array(words);
    this.#grow();
  }

  /** Begins a turn at `time`, an integer; the last turn's events were all taken. */
  restart(time: number): void {
    if (this.size > 0) throw new RangeError(`turn queue: restart with ${this.size} events left`);
    this.time = time;
    this.#begin = time;
    this.#word = 0;
  }

  /**
   * Adds an event. `time` is an integer from that last popped on, and less than the span after the begin of the turn.
   * @throws {RangeError} when it is not.
   */
  push(time: number, handler: number, a: number, b: number): void {
    const at = time - this.#begin;
    if (!(time >= this.time && at < this.#span)) {
      throw new RangeError(`event time: expected one of this turn, from ${this.time}, got ${time}`);
    }
    if (this.#free === none) this.#grow();
    const event = this.#free;
    const events = this.#events;
    this.#free = events[event + nextWord]!;
    events[event] = handler;
    events[event + 1] = a;
    events[event + 2] = b;
    const bucket = at * bucketWords;
    const word = at >> 5;
    const occupied = this.#occupied[word]!;
    const bit = 1 << (at & 31);
    if ((occupied & bit) === 0) {
      this.#occupied[word] = occupied | bit;
      this.#buckets[bucket] = event;
    } else {
      events[this.#buckets[bucket + 1]! + nextWord] = event;
    }
    this.#buckets[bucket + 1] = event;
    this.size++;
  }

  /** Takes the earliest event, of equal times the one pushed first, into the public fields. False when there is none. */
  pop(): boolean {
    if (this.size === 0) return false;
    let word = this.#word;
    let occupied = this.#occupied[word]!;
    while (occupied === 0) occupied = this.#occupied[++word]!;
    this.#word = word;
    const lowest = occupied & -occupied;
    const at = (word << 5) + (31 - Math.clz32(lowest));
    const bucket = at * bucketWords;
    const event = this.#buckets[bucket]!;
    const events = this.#events;
    this.time = this.#begin + at;
    this.handler = events[event]!;
    this.a = events[event + 1]!;
    this.b = events[event + 2]!;
    if (event === this.#buckets[bucket + 1]!) this.#occupied[word] = occupied ^ lowest;
    else this.#buckets[bucket] = events[event + nextWord]!;
    events[event + nextWord] = this.#free;
    this.#free = event;
    this.size--;
    return true;
  }

  #grow(): void {
    const before = this.#events.length;
    const events = new Int32Array(Math.max(256 * stride, 2 * before));
    events.set(this.#events);
    for (let event = before; event < events.length; event += stride) {
      events[event + nextWord] = event + stride < events.length ? event + stride : this.#free;
    }
    this.#free = before;
    this.#events = events;
  }
}
