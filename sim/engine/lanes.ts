import { EventQueue } from './event-queue.ts';
import { PendingLists } from './pending-lists.ts';
import type { EventHook, Handler, Timeline } from './simulation.ts';
import { TurnQueue } from './turn-queue.ts';

/** How a simulation is divided. */
export interface LaneSizes {
  readonly lanes: number;
  /** Least delay of a {@link LaneSimulation.send} to an earlier lane, in ticks; Infinity with one lane. */
  readonly lookahead: number;
}

/** Turns of up to this many ticks have a bucket a time; of longer ones, most buckets would be empty. */
const longTurn = 4096;

/** Ticks are doubled inside, so that messages come before own events. */
function isTick(time: number): boolean {
  return time >= 0 && time < 0x10_0000_0000_0000 && Math.floor(time) === time;
}

/**
 * A simulation in lanes: parts of the model that reach each other only by {@link send}. Time runs in windows of one
 * lookahead. Within a window the lanes run one after the other, so what a lane works on stays in the caches for as long as a
 * window lasts; what one lane sends to an earlier one lies in a later window, so none could have known of it. A later
 * lane has not run yet and may be sent to at any time.
 *
 * There is one queue, of the events that the lane at work runs in this window: a few dozen, which the nearest caches hold. All
 * others, the lane's own and what is sent to it, wait in a list of the lane that is read when the lane's turn comes.
 *
 * Events of a lane run in the order (time, sequence in which they were scheduled for it), and the order in which lanes
 * schedule for each other is fixed: the same pushes give the same run. With one lane this is {@link Simulation}.
 */
export class LaneSimulation implements Timeline {
  /** Ticks: the clock of the lane that runs. */
  now = 0;
  /** Events run so far. */
  events = 0;

  /** Events of the lane that runs, in this window. */
  readonly #queue: EventQueue | TurnQueue;
  /** All others, by lane. */
  readonly #waiting: PendingLists;
  readonly #lanes: number;
  readonly #lookahead: number;
  readonly #handlers: Handler[] = [];
  #hook: EventHook | undefined;
  /** Lane that runs; the lanes' number between windows. */
  #lane: number;
  /** Lane that ran last. */
  #turn = 0;
  /** Twice the tick at which the turn of the lane that runs ends; zero between turns. */
  #stop = 0;
  /** The window's first tick, and its end: the first tick that is not in it. */
  #begin = 0;
  #end = 0;
  /** Largest time any lane has reached. */
  #latest = 0;

  constructor({ lanes, lookahead }: LaneSizes) {
    if (!(lanes >= 1 && lookahead > 0)) {
      throw new RangeError(
        `lanes: expected at least 1 and a lookahead, got ${lanes}, ${lookahead}`,
      );
    }
    this.#lanes = lanes;
    this.#lookahead = lookahead;
    this.#queue = lookahead <= longTurn ? new TurnQueue(2 * lookahead) : new EventQueue(0);
    this.#waiting = new PendingLists(lanes);
    this.#lane = lanes;
  }

  /** Events waiting to run. */
  get pending(): number {
    return this.#queue.size + this.#waiting.size;
  }

  /** Registers a handler; the number returned names it in {@link at}. */
  handle(handler: Handler): number {
    this.#handlers.push(handler);
    return this.#handlers.length - 1;
  }

  /**
   * Schedules `handler(a, b)` at tick `time` in the lane that runs; `a` and `b` are 32-bit signed integers.
   * @throws {RangeError} when `time` is in the past, no integer, or 2^52 and more.
   */
  at(time: number, handler: number, a: number, b: number): void {
    if (!(time >= this.now && isTick(time))) {
      throw new RangeError(
        `event time: expected an integer from ${this.now} (now) below 2^52, got ${time}`,
      );
    }
    this.#schedule(2 * time + 1, handler, a, b);
  }

  /** Schedules an event of the lane that runs: in its queue when its turn lasts until then. */
  #schedule(twice: number, handler: number, a: number, b: number): void {
    if (twice < this.#stop) this.#queue.push(twice, handler, a, b);
    else this.#waiting.add(this.#turn, twice, handler, a, b);
  }

  /**
   * Schedules a message: an event in another lane, where it runs before that lane's own events of the tick, or in this one,
   * where it does so too unless it is of this very tick.
   * @throws {RangeError} when that lane may be past `time` already: it is an earlier one, and `time` lies in this window.
   */
  send(lane: number, time: number, handler: number, a: number, b: number): void {
    if (!isTick(time)) {
      throw new RangeError(`event time: expected an integer below 2^52, got ${time}`);
    }
    if (lane < this.#lane && time < this.#end) {
      throw new RangeError(
        `event sent to lane ${lane} at ${time}: expected ${this.#end} or later, the end of this window`,
      );
    }
    if (lane !== this.#lane) {
      this.#waiting.add(lane, 2 * time, handler, a, b);
    } else if (time > this.now) {
      this.#schedule(2 * time, handler, a, b);
    } else {
      this.at(time, handler, a, b);
    }
  }

  /** Runs `handler(a, b)` now, inside the event that is running: for resources that end what others started. */
  call(handler: number, a: number, b: number): void {
    this.#handlers[handler]!(a, b);
  }

  /** Installs a hook on every event, or takes it away. Without one, events run in a loop that does not test for it. */
  observe(hook: EventHook | undefined): void {
    this.#hook = hook;
  }

  /** Runs at most `limit` events. True when events are left. */
  run(limit: number = Number.POSITIVE_INFINITY): boolean {
    let left = limit;
    for (;;) {
      for (; this.#lane < this.#lanes; this.#lane++) {
        if (!this.#enter(this.#lane)) continue;
        const ran =
          this.#hook === undefined ? this.#runBare(left) : this.#runHooked(left, this.#hook);
        this.events += ran;
        left -= ran;
        this.#latest = Math.max(this.#latest, this.now);
        if (left === 0) return this.pending > 0;
        this.#stop = 0;
      }
      this.now = this.#latest;
      if (!this.#nextWindow()) return false;
    }
  }

  /** Opens the window that begins with the earliest event; false when there is none. */
  #nextWindow(): boolean {
    const waiting = this.#waiting;
    let begin = Number.POSITIVE_INFINITY;
    for (let lane = 0; lane < this.#lanes; lane++) {
      begin = Math.min(begin, waiting.earliestOf(lane));
    }
    if (begin === Number.POSITIVE_INFINITY) return false;
    this.#begin = Math.floor(begin / 2);
    this.#end = this.#begin + this.#lookahead;
    this.#lane = 0;
    return true;
  }

  /** Turns to a lane, unless it is its turn already. False when it has nothing to do in this window. */
  #enter(lane: number): boolean {
    if (this.#stop > 0) return true;
    const stop = 2 * this.#end;
    if (this.#waiting.earliestOf(lane) >= stop) return false;
    this.#turn = lane;
    this.#stop = stop;
    this.#queue.restart(2 * this.#begin);
    this.#waiting.moveDue(lane, stop, this.#queue);
    return true;
  }

  #runBare(limit: number): number {
    const queue = this.#queue;
    const handlers = this.#handlers;
    let ran = 0;
    while (ran < limit && queue.pop()) {
      ran++;
      this.now = Math.floor(queue.time / 2);
      handlers[queue.handler]!(queue.a, queue.b);
    }
    return ran;
  }

  #runHooked(limit: number, hook: EventHook): number {
    const queue = this.#queue;
    let ran = 0;
    while (ran < limit && queue.pop()) {
      ran++;
      this.now = Math.floor(queue.time / 2);
      const { handler, a, b } = queue;
      hook(this.now, handler, a, b);
      this.#handlers[handler]!(a, b);
    }
    return ran;
  }
}
