/**
 * A calendar queue: a year of days, each a list by (time, sequence). The number and the width of days are set once, to
 * what suits the hold model best: one event a day, and a year that spans the mean delay.
 */
export class CalendarQueue {
  time = 0;
  handler = 0;
  a = 0;
  b = 0;

  readonly #days: number;
  readonly #width: number;
  readonly #first: Int32Array;
  readonly #next: Int32Array;
  readonly #times: Float64Array;
  readonly #args: Int32Array;
  #free = 0;
  #day = 0;
  /** End of the day that is searched. */
  #dayEnd: number;

  /** Room for `capacity` events that lie `gap` ticks apart on average. */
  constructor(capacity: number, gap: number) {
    let days = 1;
    while (days < capacity) days *= 2;
    this.#days = days;
    this.#width = Math.max(1, Math.round(gap * 3));
    this.#dayEnd = this.#width;
    this.#first = new Int32Array(days).fill(-1);
    this.#next = Int32Array.from({ length: capacity }, (_, slot) => slot + 1);
    this.#times = new Float64Array(capacity);
    this.#args = new Int32Array(3 * capacity);
  }

  push(time: number, handler: number, a: number, b: number): void {
    const slot = this.#free;
    this.#free = this.#next[slot]!;
    this.#times[slot] = time;
    this.#args[3 * slot] = handler;
    this.#args[3 * slot + 1] = a;
    this.#args[3 * slot + 2] = b;
    const day = Math.floor(time / this.#width) & (this.#days - 1);
    let before = -1;
    let after = this.#first[day]!;
    while (after >= 0 && this.#times[after]! <= time) {
      before = after;
      after = this.#next[after]!;
    }
    this.#next[slot] = after;
    if (before < 0) this.#first[day] = slot;
    else this.#next[before] = slot;
  }

  pop(): boolean {
    for (let searched = 0; searched <= this.#days; searched++) {
      const slot = this.#first[this.#day]!;
      if (slot >= 0 && this.#times[slot]! < this.#dayEnd) {
        this.#first[this.#day] = this.#next[slot]!;
        this.#next[slot] = this.#free;
        this.#free = slot;
        this.time = this.#times[slot]!;
        this.handler = this.#args[3 * slot]!;
        this.a = this.#args[3 * slot + 1]!;
        this.b = this.#args[3 * slot + 2]!;
        return true;
      }
      this.#day = (this.#day + 1) & (this.#days - 1);
      this.#dayEnd += this.#width;
    }
    throw new Error('calendar queue: a whole year is empty, which the hold model never makes it');
  }
}
