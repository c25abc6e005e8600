import type { Timeline } from './simulation.ts';

/** Leftovers under this many ticks of service are rounding: a flow ends at the tick its last unit is served in. */
const roundingTicks = 1e-6;

/** Sizes of a bank. */
export interface BankSizes {
  /** Owners, each with as many resources and flows. */
  readonly owners: number;
  /** Resources of an owner. */
  readonly units: number;
  /** Places for flows over the resources of an owner: flow `f` always runs on resource `f % units`. */
  readonly flows: number;
  /** Work a tick of one resource. */
  readonly capacity: number;
  /** Most work a tick of one flow. */
  readonly cap: number;
}

/** Reals of a record: tick up to which work left counts, the one wake-up that is not stale, then work left of each flow. */
const updatedAt = 0;
const wakeAt = 1;
const leftAt = 2;

/**
 * A bank of alike resources, each shared evenly by the few flows that have a place on it: the blocks on one SM, over all
 * SMs. What FluidResource does for one resource and many flows, this does for many resources and few flows each, in a
 * record a resource: 24 bytes and 8 for each place of a flow, rounded up to a power of two. A start or an end costs
 * O(flows of the resource).
 */
export class ShareBank {
  readonly #sim: Timeline;
  readonly #units: number;
  readonly #places: number;
  readonly #done: number;
  readonly #wake: number;
  /** Rate of each flow, by the number of flows that run. */
  readonly #rates: Float64Array;
  /** Reals of a record. The last real of it holds the number of flows that run. */
  readonly #stride: number;
  readonly #reals: Float64Array;
  readonly #integers: Int32Array;

  /** `done(owner, flow)` is called at the tick a flow ends. */
  constructor(sim: Timeline, sizes: BankSizes, done: number) {
    const { owners, units, flows, capacity, cap } = sizes;
    const places = Math.ceil(flows / units);
    if (!(owners > 0 && units > 0 && capacity > 0 && cap > 0 && places <= 32)) {
      throw new RangeError(
        `share bank: expected positive sizes and at most 32 flows a resource, got ${JSON.stringify(sizes)}`,
      );
    }
    this.#sim = sim;
    this.#units = units;
    this.#places = places;
    this.#done = done;
    this.#wake = sim.handle((unit) => this.#onWake(unit));
    this.#rates = Float64Array.from({ length: places + 1 }, (_, n) => Math.min(cap, capacity / n));
    this.#stride = 8;
    while (this.#stride < leftAt + places + 1) this.#stride *= 2;
    this.#reals = new Float64Array(owners * units * this.#stride);
    this.#integers = new Int32Array(this.#reals.buffer);
    for (let unit = 0; unit < owners * units; unit++) {
      this.#reals[unit * this.#stride + wakeAt] = Number.POSITIVE_INFINITY;
    }
  }

  /** Starts flow `flow` of `owner` with `amount` of work; it must not be running. */
  start(owner: number, flow: number, amount: number): void {
    const place = Math.floor(flow / this.#units);
    const unit = owner * this.#units + (flow - place * this.#units);
    const at = unit * this.#stride;
    const left = at + leftAt + place;
    if (!(amount > 0) || this.#reals[left] !== 0) {
      throw new RangeError(
        `share bank: expected an idle flow and a positive amount, got ${amount} for flow ${flow} with ${this.#reals[left]} left`,
      );
    }
    this.#advance(at);
    this.#reals[left] = amount;
    this.#integers[this.#runningAt(at)]!++;
    this.#schedule(unit, at);
  }

  /** Integer that counts the running flows of the record at real `at`. */
  #runningAt(at: number): number {
    return 2 * (at + this.#stride - 1);
  }

  /** Serves the flows of a resource up to now at the rate since the last change. */
  #advance(at: number): void {
    const reals = this.#reals;
    const { now } = this.#sim;
    const elapsed = now - reals[at + updatedAt]!;
    reals[at + updatedAt] = now;
    const running = this.#integers[this.#runningAt(at)]!;
    if (elapsed === 0 || running === 0) return;
    const served = this.#rates[running]! * elapsed;
    const end = at + leftAt + this.#places;
    // A flow that is done stays above zero until it is taken off: zero means that it does not run.
    for (let flow = at + leftAt; flow < end; flow++) {
      const left = reals[flow]!;
      if (left > 0) reals[flow] = Math.max(Number.MIN_VALUE, left - served);
    }
  }

  #schedule(unit: number, at: number): void {
    const reals = this.#reals;
    let least = Number.POSITIVE_INFINITY;
    const end = at + leftAt + this.#places;
    for (let flow = at + leftAt; flow < end; flow++) {
      const left = reals[flow]!;
      if (left > 0 && left < least) least = left;
    }
    const rate = this.#rates[this.#integers[this.#runningAt(at)]!]!;
    const time = this.#sim.now + Math.max(0, Math.ceil(least / rate - roundingTicks));
    if (time >= reals[at + wakeAt]!) return;
    reals[at + wakeAt] = time;
    this.#sim.at(time, this.#wake, unit, 0);
  }

  #onWake(unit: number): void {
    const reals = this.#reals;
    const at = unit * this.#stride;
    if (this.#sim.now !== reals[at + wakeAt]) return;
    reals[at + wakeAt] = Number.POSITIVE_INFINITY;
    this.#advance(at);
    const running = this.#runningAt(at);
    const rounding = this.#rates[this.#integers[running]!]! * roundingTicks;
    let ended = 0;
    for (let place = 0; place < this.#places; place++) {
      const left = reals[at + leftAt + place]!;
      if (left === 0 || left > rounding) continue;
      reals[at + leftAt + place] = 0;
      ended |= 1 << place;
      this.#integers[running]!--;
    }
    if (this.#integers[running]! > 0) this.#schedule(unit, at);
    if (ended === 0) return;
    // Only now: a handler may start flows here.
    const owner = Math.floor(unit / this.#units);
    const first = unit - owner * this.#units;
    for (; ended !== 0; ended &= ended - 1) {
      const place = 31 - Math.clz32(ended & -ended);
      this.#sim.call(this.#done, owner, place * this.#units + first);
    }
  }
}
