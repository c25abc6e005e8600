import { FlowQueue } from './flow-queue.ts';
import type { Timeline } from './simulation.ts';

/** Flows of one class share a cap, so at any time they all run at one rate. */
interface FlowClass {
  /** Most units a tick one flow may take. */
  readonly cap: number;
  /** Units each flow of the class has been served since the class was last empty. */
  served: number;
  /** Units a tick for each flow now. */
  rate: number;
  /** Flows keyed by the value of `served` at which they are done. */
  readonly flows: FlowQueue;
}

/** Leftovers under this share of a flow are rounding: a flow ends at the tick its last unit is served in. */
const tolerance = 1e-9;

/**
 * A capacity that flows share max-min fairly: a memory, a link, a network card. Each flow belongs to a class with a cap
 * on its own rate. Capacity that capped flows leave over goes to the others, evenly.
 *
 * All flows of a class have one rate, so a class needs one running total and a queue of finish marks instead of a rate
 * a flow: a start or an end costs O(classes + log flows), however many flows change speed.
 */
export class FluidResource {
  readonly name: string;
  /** Units a tick over all flows. */
  readonly capacity: number;

  readonly #sim: Timeline;
  readonly #classes: readonly FlowClass[];
  readonly #wake: number;
  /** Tick up to which `served` counts. */
  #updated = 0;
  /** Earliest tick at which a wake-up is already scheduled; later ones are stale and do nothing. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #flows = 0;
  #total = 0;
  #busy = 0;
  /** Handler and arguments of each flow that ended in the current wake-up; kept to spare allocations. */
  readonly #endings: number[] = [];

  /** `caps`: the cap of each class in units a tick, ascending. */
  constructor(sim: Timeline, name: string, capacity: number, caps: readonly number[]) {
    if (!(capacity > 0) || caps.length === 0 || caps.some((cap) => !(cap > 0))) {
      throw new RangeError(
        `${name}: expected a positive capacity and positive caps, got ${capacity}, [${caps.join(', ')}]`,
      );
    }
    if (caps.some((cap, i) => i > 0 && cap <= caps[i - 1]!)) {
      throw new RangeError(`${name}: expected ascending caps, got [${caps.join(', ')}]`);
    }
    this.#sim = sim;
    this.name = name;
    this.capacity = capacity;
    this.#classes = caps.map((cap) => ({ cap, served: 0, rate: 0, flows: new FlowQueue() }));
    this.#wake = sim.handle(() => this.#onWake());
  }

  /** Flows being served. */
  get flows(): number {
    return this.#flows;
  }

  /** Units asked of this resource so far. */
  get total(): number {
    return this.#total;
  }

  /** Ticks during which at least one flow was served, up to the last change. */
  get busyTicks(): number {
    return this.#busy;
  }

  /** Units a tick that each flow of a class takes now; 0 when the class is empty. */
  rateOf(flowClass: number): number {
    const group = this.#classes[flowClass]!;
    return group.flows.size === 0 ? 0 : group.rate;
  }

  /** Starts a flow of `amount` units in class `flowClass`; `handler(a, b)` is called at the tick it ends. */
  start(flowClass: number, amount: number, handler: number, a: number, b: number): void {
    if (!(amount > 0)) {
      throw new RangeError(`${this.name}: expected a positive amount, got ${amount}`);
    }
    this.#advance();
    const group = this.#classes[flowClass]!;
    if (group.flows.size === 0) group.served = 0;
    group.flows.push(group.served + amount, handler, a, b);
    this.#flows++;
    this.#total += amount;
    this.#share();
    this.#schedule();
  }

  /** Serves every class up to now at the rates since the last change. */
  #advance(): void {
    const elapsed = this.#sim.now - this.#updated;
    this.#updated = this.#sim.now;
    if (elapsed === 0 || this.#flows === 0) return;
    this.#busy += elapsed;
    for (const group of this.#classes) group.served += group.rate * elapsed;
  }

  /** Max-min fair rates: each class in ascending order of its cap takes the smaller of its cap and an even share. */
  #share(): void {
    let capacity = this.capacity;
    let flows = this.#flows;
    for (const group of this.#classes) {
      const size = group.flows.size;
      if (size === 0) continue;
      group.rate = Math.min(group.cap, capacity / flows);
      capacity -= group.rate * size;
      flows -= size;
    }
  }

  #schedule(): void {
    let first = Number.POSITIVE_INFINITY;
    for (const group of this.#classes) {
      if (group.flows.size === 0) continue;
      const left = group.flows.firstKey - group.served;
      first = Math.min(first, Math.max(0, Math.ceil((left / group.rate) * (1 - tolerance))));
    }
    const at = this.#sim.now + first;
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.#sim.at(at, this.#wake, 0, 0);
  }

  #onWake(): void {
    if (this.#sim.now !== this.#wakeAt) return;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#advance();
    const ended = this.#takeEnded();
    if (ended > 0) this.#share();
    if (this.#flows > 0) this.#schedule();
    // Only now: a handler may start flows here.
    const endings = this.#endings;
    for (let i = 0; i < 3 * ended; i += 3) {
      this.#sim.call(endings[i]!, endings[i + 1]!, endings[i + 2]!);
    }
  }

  /** Moves the flows that are done into `endings` and returns their number. */
  #takeEnded(): number {
    let ended = 0;
    for (const { flows, served } of this.#classes) {
      while (flows.size > 0 && flows.firstKey * (1 - tolerance) <= served) {
        flows.pop();
        this.#endings[3 * ended] = flows.handler;
        this.#endings[3 * ended + 1] = flows.a;
        this.#endings[3 * ended + 2] = flows.b;
        ended++;
      }
    }
    this.#flows -= ended;
    return ended;
  }
}
