import { FlowQueue } from './flow-queue.ts';
import type { Timeline } from './simulation.ts';

/** Sizes of a bank. */
export interface FluidBankSizes {
  /** Number of resources. */
  readonly units: number;
  /** Units of work a tick over all flows of one resource. */
  readonly capacity: number;
  /** Most a tick of one flow. */
  readonly cap: number;
}

/** Leftovers under this share of a flow are rounding: a flow ends at the tick its last unit is served in. */
const tolerance = 1e-9;

/** Flows that lie in a resource's own record; more wait in a queue of their own. */
const inline = 16;

/** What a bank tells. */
export interface FluidBankEnds {
  /** Handler called as (a, 0) at the tick a flow ends that was not alone. */
  readonly done: number;
  /** A flow that was started alone, with `a`, is joined by another: see {@link FluidBank.accompany}. */
  readonly joined: (a: number) => void;
}

/** Reals of a record: see {@link FluidBank}. Each flow of its own is two of them, a key and what it ends with. */
const updatedAt = 0;
const servedAt = 1;
const rateAt = 2;
const wakeAt = 3;
const busyAt = 4;
const totalAt = 5;
const flowAt = 8;
const flowReals = 2;

/** A record, and the integers that are the same memory. */
const reals = flowAt + inline * flowReals;
const integers = 2 * reals;

/**
 * Integers of a record: flows in all; the place of the first of its own flows, and the one after their last; whether it serves
 * one alone. A flow's own is what it ends with.
 */
const flowsAt = 12;
const headAt = 13;
const tailAt = 14;
const loneAt = 15;
const argAt = 2 * (flowAt + 1);
const flowIntegers = 2 * flowReals;

/**
 * A bank of alike capacities, each shared evenly by any number of flows: the links of all GPUs, the cards of all nodes. What
 * FluidResource does for one resource with flows of several caps, this does for many with flows of one cap: the same
 * rates, the same ticks, but no object a resource. A record holds the clock up to which its flows are served, what
 * each of them has been served, their rate, the one wake-up that is not stale, ticks in use and work asked so far, and up
 * to sixteen flows in the order in which they end. A start or an end costs O(1) while no more are there, O(log flows)
 * otherwise. 320 bytes a resource, of which a change touches two or three cache lines.
 *
 * A flow that starts on an idle resource may be started alone: its end is known then and costs no event, unless another
 * flow comes before it.
 */
export class FluidBank {
  readonly #sim: Timeline;
  readonly #capacity: number;
  readonly #cap: number;
  readonly #ends: FluidBankEnds;
  readonly #wake: number;
  readonly #reals: Float64Array;
  readonly #integers: Int32Array;
  /** Flows that found no room in the record: they came after those that lie in it. */
  readonly #spilled: (FlowQueue | undefined)[] = [];
  /** Ends of the current wake-up; kept to spare allocations. */
  readonly #endings: number[] = [];

  constructor(sim: Timeline, { units, capacity, cap }: FluidBankSizes, ends: FluidBankEnds) {
    if (!(units >= 0 && capacity > 0 && cap > 0)) {
      throw new RangeError(
        `fluid bank: expected positive sizes, got ${JSON.stringify({ units, capacity, cap })}`,
      );
    }
    this.#sim = sim;
    this.#capacity = capacity;
    this.#cap = cap;
    this.#ends = ends;
    this.#wake = sim.handle((unit) => this.#onWake(unit));
    this.#reals = new Float64Array(units * reals);
    this.#integers = new Int32Array(this.#reals.buffer);
    for (let unit = 0; unit < units; unit++) {
      this.#reals[unit * reals + wakeAt] = Number.POSITIVE_INFINITY;
    }
  }

  /** Number of resources. */
  get units(): number {
    return this.#reals.length / reals;
  }

  /** Flows that resource `unit` serves now. */
  flowsOf(unit: number): number {
    this.#retire(unit);
    return this.#integers[unit * integers + flowsAt]!;
  }

  /** Work asked of resource `unit` so far. */
  totalOf(unit: number): number {
    return this.#reals[unit * reals + totalAt]!;
  }

  /** Ticks during which resource `unit` served a flow, up to its last change. */
  busyTicksOf(unit: number): number {
    this.#retire(unit);
    return this.#reals[unit * reals + busyAt]!;
  }

  /** True when resource `unit` serves nothing: a flow may be started alone. */
  isIdle(unit: number): boolean {
    this.#retire(unit);
    return this.#integers[unit * integers + flowsAt] === 0;
  }

  /** Ticks that a flow alone takes; Infinity where rounding would not let it end at that tick, so that it must not be. */
  ticksAlone(amount: number): number {
    const rate = Math.min(this.#cap, this.#capacity);
    const ticks = Math.ceil((amount / rate) * (1 - tolerance));
    return amount * (1 - tolerance) <= rate * ticks ? ticks : Number.POSITIVE_INFINITY;
  }

  /**
   * Starts a flow on an idle resource and returns the tick it ends at if no other joins it; nothing is called then. When one
   * does, `joined(a)` is called first.
   */
  startAlone(unit: number, amount: number, a: number): number {
    const ticks = this.ticksAlone(amount);
    if (!(amount > 0 && ticks < Number.POSITIVE_INFINITY && this.isIdle(unit))) {
      throw new RangeError(`fluid bank: expected work for an idle resource, got ${amount}`);
    }
    const f = this.#reals;
    const words = this.#integers;
    const at = unit * reals;
    const i = unit * integers;
    f[at + updatedAt] = this.#sim.now;
    f[at + servedAt] = 0;
    f[at + rateAt] = Math.min(this.#cap, this.#capacity);
    f[at + wakeAt] = this.#sim.now + ticks;
    f[at + totalAt]! += amount;
    f[at + flowAt] = amount;
    words[i + flowsAt] = 1;
    words[i + headAt] = 0;
    words[i + tailAt] = 1;
    words[i + loneAt] = 1;
    words[i + argAt] = a;
    return this.#sim.now + ticks;
  }

  /** Makes an ordinary flow of the one that was started alone on `unit` with `a`. False when it has ended already. */
  accompany(unit: number, a: number): boolean {
    this.#retire(unit);
    const i = unit * integers;
    if (this.#integers[i + loneAt] === 0 || this.#integers[i + argAt] !== a) return false;
    this.#integers[i + loneAt] = 0;
    this.#sim.at(this.#reals[unit * reals + wakeAt]!, this.#wake, unit, 0);
    return true;
  }

  /** Takes away a flow that ended alone, before this tick. */
  #retire(unit: number): void {
    const i = unit * integers;
    if (this.#integers[i + loneAt] === 0) return;
    const f = this.#reals;
    const at = unit * reals;
    const end = f[at + wakeAt]!;
    if (this.#sim.now <= end) return;
    f[at + busyAt]! += end - f[at + updatedAt]!;
    f[at + updatedAt] = end;
    f[at + wakeAt] = Number.POSITIVE_INFINITY;
    this.#integers[i + loneAt] = 0;
    this.#integers[i + flowsAt] = 0;
    this.#integers[i + tailAt] = 0;
  }

  /** Starts a flow of `amount` on resource `unit`; `done(a, 0)` is called at the tick it ends. */
  start(unit: number, amount: number, a: number): void {
    if (!(amount > 0)) {
      throw new RangeError(`fluid bank: expected a positive amount, got ${amount}`);
    }
    const f = this.#reals;
    const at = unit * reals;
    const i = unit * integers;
    this.#retire(unit);
    if (this.#integers[i + loneAt] === 1) this.#ends.joined(this.#integers[i + argAt]!);
    this.#advance(at, i);
    const flows = this.#integers[i + flowsAt]! + 1;
    if (flows === 1) f[at + servedAt] = 0;
    this.#push(unit, f[at + servedAt]! + amount, a);
    this.#integers[i + flowsAt] = flows;
    f[at + totalAt]! += amount;
    f[at + rateAt] = Math.min(this.#cap, this.#capacity / flows);
    this.#schedule(unit);
  }

  /** Adds a flow behind those that end before it or with it. */
  #push(unit: number, key: number, a: number): void {
    const f = this.#reals;
    const words = this.#integers;
    const i = unit * integers;
    let head = words[i + headAt]!;
    let tail = words[i + tailAt]!;
    if (tail - head === inline || words[i + flowsAt]! > tail - head) {
      const queue = (this.#spilled[unit] ??= new FlowQueue());
      queue.push(key, 0, a, 0);
      return;
    }
    const flows = unit * reals + flowAt;
    if (tail === inline) {
      f.copyWithin(flows, flows + head * flowReals, flows + tail * flowReals);
      tail -= head;
      head = 0;
      words[i + headAt] = head;
    }
    words[i + tailAt] = tail + 1;
    let place = tail;
    for (; place > head && f[flows + (place - 1) * flowReals]! > key; place--) {
      f[flows + place * flowReals] = f[flows + (place - 1) * flowReals]!;
      words[i + argAt + place * flowIntegers] = words[i + argAt + (place - 1) * flowIntegers]!;
    }
    f[flows + place * flowReals] = key;
    words[i + argAt + place * flowIntegers] = a;
  }

  /** Serves the flows of a resource up to now at the rate since the last change. */
  #advance(at: number, i: number): void {
    const f = this.#reals;
    const { now } = this.#sim;
    const elapsed = now - f[at + updatedAt]!;
    f[at + updatedAt] = now;
    if (elapsed === 0 || this.#integers[i + flowsAt] === 0) return;
    f[at + busyAt]! += elapsed;
    f[at + servedAt]! += f[at + rateAt]! * elapsed;
  }

  #schedule(unit: number): void {
    const f = this.#reals;
    const at = unit * reals;
    const i = unit * integers;
    const head = this.#integers[i + headAt]!;
    const inside = this.#integers[i + tailAt]! - head;
    let key = inside === 0 ? Number.POSITIVE_INFINITY : f[at + flowAt + head * flowReals]!;
    if (this.#integers[i + flowsAt]! > inside) key = Math.min(key, this.#spilled[unit]!.firstKey);
    const left = key - f[at + servedAt]!;
    const ticks = Math.max(0, Math.ceil((left / f[at + rateAt]!) * (1 - tolerance)));
    const time = this.#sim.now + ticks;
    if (time >= f[at + wakeAt]!) return;
    f[at + wakeAt] = time;
    this.#sim.at(time, this.#wake, unit, 0);
  }

  #onWake(unit: number): void {
    const f = this.#reals;
    const at = unit * reals;
    const i = unit * integers;
    if (this.#sim.now !== f[at + wakeAt]!) return;
    f[at + wakeAt] = Number.POSITIVE_INFINITY;
    this.#advance(at, i);
    const ended = this.#takeEnded(unit);
    if (ended > 0) {
      const flows = this.#integers[i + flowsAt]! - ended;
      this.#integers[i + flowsAt] = flows;
      if (flows > 0) f[at + rateAt] = Math.min(this.#cap, this.#capacity / flows);
    }
    if (this.#integers[i + flowsAt]! > 0) this.#schedule(unit);
    // Only now: a handler may start flows here.
    const endings = this.#endings;
    for (let n = 0; n < ended; n++) this.#sim.call(this.#ends.done, endings[n]!, 0);
  }

  /** Moves what the flows that are done end with into `endings`, in the order (key, arrival); returns their number. */
  #takeEnded(unit: number): number {
    const f = this.#reals;
    const words = this.#integers;
    const at = unit * reals;
    const i = unit * integers;
    const served = f[at + servedAt]!;
    const flows = words[i + flowsAt]!;
    const tail = words[i + tailAt]!;
    let head = words[i + headAt]!;
    let ended = 0;
    for (; ended < flows; ended++) {
      const key = head === tail ? Number.POSITIVE_INFINITY : f[at + flowAt + head * flowReals]!;
      const queue = flows - ended > tail - head ? this.#spilled[unit]! : undefined;
      if (queue !== undefined && queue.firstKey < key) {
        if (!(queue.firstKey * (1 - tolerance) <= served)) break;
        queue.pop();
        this.#endings[ended] = queue.a;
        continue;
      }
      if (!(key * (1 - tolerance) <= served)) break;
      this.#endings[ended] = words[i + argAt + head * flowIntegers]!;
      head++;
    }
    words[i + headAt] = head === tail ? 0 : head;
    if (head === tail) words[i + tailAt] = 0;
    return ended;
  }
}
