import { EventQueue } from './event-queue.ts';
import { Mailboxes } from './mailboxes.ts';
import type { EventHook, Handler, Timeline } from './simulation.ts';

/** How a simulation is divided. */
export interface LaneSizes {
  readonly lanes: number;
  /** Least delay of a {@link LaneSimulation.send} to an earlier lane, in ticks; Infinity with one lane. */
  readonly lookahead: number;
  /** Events to make room for in every lane at first. */
  readonly expectedPending?: number;
}

/** Ticks are doubled inside, so that messages come before own events. */
function isTick(time: number): boolean {
  return time >= 0 && time < 0x10_0000_0000_0000 && Math.floor(time) === time;
}

/**
 * A simulation in lanes: parts of the model that reach each other only by {@link send}. Time runs in windows of one
 * lookahead. Within a window the lanes run one after the other, each with a queue of its own, so what a lane works on stays
 * in the caches for as long as a window lasts; what one lane sends to an earlier one lies in a later window, so none
 * could have known of it. A later lane has not run yet and may be sent to at any time.
 *
 * What is sent waits in a mailbox and enters the lane's queue when the lane runs: a queue is touched only while its lane
 * is at work.
 *
 * Events of a lane run in the order (time, sequence in its queue), and the order in which lanes fill each other's queues is
 * fixed: the same pushes give the same run. With one lane this is {@link Simulation}.
 */
export class LaneSimulation implements Timeline {
  /** Ticks: the clock of the lane that runs. */
  now = 0;
  /** Events run so far. */
  events = 0;

  readonly #queues: readonly EventQueue[];
  readonly #mail: Mailboxes;
  /** Of each lane, twice the tick of the earliest event in its queue, as of its last turn. */
  readonly #next: Float64Array;
  readonly #lookahead: number;
  readonly #handlers: Handler[] = [];
  #hook: EventHook | undefined;
  /** Lane that runs, and its queue; the lanes' number between windows. */
  #lane = 0;
  #queue: EventQueue;
  /** Lane that ran last: the one of `#queue`. */
  #turn = 0;
  /** The window's end: the first tick that is not in it. */
  #end = 0;
  /** Largest time any lane has reached. */
  #latest = 0;

  constructor({ lanes, lookahead, expectedPending = 256 }: LaneSizes) {
    if (!(lanes >= 1 && lookahead > 0)) {
      throw new RangeError(
        `lanes: expected at least 1 and a lookahead, got ${lanes}, ${lookahead}`,
      );
    }
    this.#lookahead = lookahead;
    this.#queues = Array.from({ length: lanes }, () => new EventQueue(expectedPending));
    this.#mail = new Mailboxes(lanes);
    this.#next = new Float64Array(lanes).fill(Number.POSITIVE_INFINITY);
    this.#queue = this.#queues[0]!;
    this.#lane = lanes;
  }

  /** Events waiting to run. */
  get pending(): number {
    return this.#queues.reduce((sum, { size }) => sum + size, this.#mail.size);
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
    this.#queue.push(2 * time + 1, handler, a, b);
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
      this.#mail.post(lane, 2 * time, handler, a, b);
    } else if (time > this.now) {
      this.#queue.push(2 * time, handler, a, b);
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
    const lanes = this.#queues.length;
    let left = limit;
    for (;;) {
      for (; this.#lane < lanes; this.#lane = this.#leave()) {
        if (!this.#enter(this.#lane)) continue;
        const ran =
          this.#hook === undefined ? this.#runBare(left) : this.#runHooked(left, this.#hook);
        this.events += ran;
        left -= ran;
        this.#latest = Math.max(this.#latest, this.now);
        if (left > 0) continue;
        this.#next[this.#lane] = this.#queue.nextTime;
        return this.pending > 0;
      }
      this.now = this.#latest;
      if (!this.#nextWindow()) return false;
    }
  }

  /** Opens the window that begins with the earliest event; false when there is none. */
  #nextWindow(): boolean {
    // Between windows, too, the lane of the last turn is the one that `at` schedules in.
    this.#next[this.#turn] = this.#queue.nextTime;
    let begin = Number.POSITIVE_INFINITY;
    for (let lane = 0; lane < this.#next.length; lane++) {
      begin = Math.min(begin, this.#nextOf(lane));
    }
    if (begin === Number.POSITIVE_INFINITY) return false;
    this.#end = Math.floor(begin / 2) + this.#lookahead;
    this.#lane = 0;
    return true;
  }

  /** Twice the tick of the earliest event of a lane that is not running. */
  #nextOf(lane: number): number {
    return Math.min(this.#next[lane]!, this.#mail.earliestOf(lane));
  }

  /** Turns to a lane: its mail enters its queue. False when it has nothing to do in this window. */
  #enter(lane: number): boolean {
    const stop = 2 * this.#end;
    if (this.#nextOf(lane) >= stop) return false;
    const queue = this.#queues[lane]!;
    this.#turn = lane;
    this.#queue = queue;
    this.#mail.deliver(lane, queue);
    queue.stopAt(stop);
    return true;
  }

  /** Leaves the lane that ran, if it did; returns the next one. */
  #leave(): number {
    if (this.#turn === this.#lane) this.#next[this.#lane] = this.#queue.nextTime;
    return this.#lane + 1;
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
