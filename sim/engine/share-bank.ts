import type { Simulation } from './simulation.ts';

/** Leftovers under this many ticks of service are rounding: a flow ends at the tick its last unit is served in. */
const roundingTicks = 1e-6;

/** Sizes of a bank. */
export interface BankSizes {
  /** Number of resources. */
  readonly units: number;
  /** Places for flows over all resources: flow `f` always runs on resource `f % units`. */
  readonly flows: number;
  /** Work a tick of one resource. */
  readonly capacity: number;
  /** Most work a tick of one flow. */
  readonly cap: number;
}

/**
 * A bank of alike resources, each shared evenly by the few flows that have a place on it: the blocks on one SM, over all
 * SMs. What {@link FluidResource} does for one resource and many flows, this does for many resources and few flows each,
 * without an object a resource: 25 bytes a flow and 17 a resource. A start or an end costs O(flows of the resource).
 */
export class ShareBank {
  readonly #sim: Simulation;
  readonly #sizes: BankSizes;
  readonly #done: number;
  readonly #owner: number;
  readonly #wake: number;
  /** Work left of each flow; zero when it does not run. */
  readonly #left: Float64Array;
  readonly #ended: Uint8Array;
  /** Of each resource: flows that run, tick up to which `#left` counts, and the one wake-up that is not stale. */
  readonly #running: Uint8Array;
  readonly #updated: Float64Array;
  readonly #wakeAt: Float64Array;

  /** `done(owner, flow)` is called at the tick a flow ends. */
  constructor(sim: Simulation, sizes: BankSizes, done: number, owner: number) {
    const { units, flows, capacity, cap } = sizes;
    if (!(units > 0 && capacity > 0 && cap > 0 && flows <= 255 * units)) {
      throw new RangeError(
        `share bank: expected positive sizes and at most 255 flows a resource, got ${JSON.stringify(sizes)}`,
      );
    }
    this.#sim = sim;
    this.#sizes = sizes;
    this.#done = done;
    this.#owner = owner;
    this.#wake = sim.handle((unit) => this.#onWake(unit));
    this.#left = new Float64Array(flows);
    this.#ended = new Uint8Array(flows);
    this.#running = new Uint8Array(units);
    this.#updated = new Float64Array(units);
    this.#wakeAt = new Float64Array(units).fill(Number.POSITIVE_INFINITY);
  }

  /** Starts flow `flow` with `amount` of work; it must not be running. */
  start(flow: number, amount: number): void {
    if (!(amount > 0) || this.#left[flow] !== 0) {
      throw new RangeError(
        `share bank: expected an idle flow and a positive amount, got ${amount} for flow ${flow} with ${this.#left[flow]} left`,
      );
    }
    const unit = flow % this.#sizes.units;
    this.#advance(unit);
    this.#left[flow] = amount;
    this.#running[unit]!++;
    this.#schedule(unit);
  }

  #rate(unit: number): number {
    return Math.min(this.#sizes.cap, this.#sizes.capacity / this.#running[unit]!);
  }

  /** Serves the flows of a resource up to now at the rate since the last change. */
  #advance(unit: number): void {
    const { now } = this.#sim;
    const elapsed = now - this.#updated[unit]!;
    this.#updated[unit] = now;
    if (elapsed === 0 || this.#running[unit] === 0) return;
    const left = this.#left;
    const served = this.#rate(unit) * elapsed;
    // A flow that is done stays above zero until it is taken off: zero means that it does not run.
    for (let flow = unit; flow < left.length; flow += this.#sizes.units) {
      if (left[flow]! > 0) left[flow] = Math.max(Number.MIN_VALUE, left[flow]! - served);
    }
  }

  #schedule(unit: number): void {
    const left = this.#left;
    let least = Number.POSITIVE_INFINITY;
    for (let flow = unit; flow < left.length; flow += this.#sizes.units) {
      if (left[flow]! > 0 && left[flow]! < least) least = left[flow]!;
    }
    const ticks = Math.max(0, Math.ceil(least / this.#rate(unit) - roundingTicks));
    const at = this.#sim.now + ticks;
    if (at >= this.#wakeAt[unit]!) return;
    this.#wakeAt[unit] = at;
    this.#sim.at(at, this.#wake, unit, 0);
  }

  #onWake(unit: number): void {
    if (this.#sim.now !== this.#wakeAt[unit]) return;
    this.#wakeAt[unit] = Number.POSITIVE_INFINITY;
    this.#advance(unit);
    const { units } = this.#sizes;
    const left = this.#left;
    const rounding = this.#rate(unit) * roundingTicks;
    for (let flow = unit; flow < left.length; flow += units) {
      const rest = left[flow] ?? 0;
      if (rest === 0 || rest > rounding) continue;
      left[flow] = 0;
      this.#ended[flow] = 1;
      this.#running[unit]!--;
    }
    if (this.#running[unit]! > 0) this.#schedule(unit);
    // Only now: a handler may start flows here.
    for (let flow = unit; flow < left.length; flow += units) {
      if (this.#ended[flow] === 0) continue;
      this.#ended[flow] = 0;
      this.#sim.call(this.#done, this.#owner, flow);
    }
  }
}
