import { EventQueue } from './event-queue.ts';

/** What an event runs: two small integers say on whom and with what. */
export type Handler = (a: number, b: number) => void;

/** What resources need of a simulation: a clock and events to come. */
export interface Timeline {
  readonly now: number;
  handle(handler: Handler): number;
  at(time: number, handler: number, a: number, b: number): void;
  call(handler: number, a: number, b: number): void;
}

/** Sees every event just before it runs. */
export type EventHook = (time: number, handler: number, a: number, b: number) => void;

/**
 * The discrete-event core: a clock in integer ticks, events in total order (time, sequence), and handlers called by
 * index. An event is six integers in typed arrays: no closure, no promise, nothing for the garbage collector.
 * It knows nothing about what it simulates.
 */
export class Simulation implements Timeline {
  /** Ticks. The fused system's tick is one nanosecond. */
  now = 0;
  /** Events run so far. */
  events = 0;

  readonly #queue: EventQueue;
  readonly #handlers: Handler[] = [];
  #hook: EventHook | undefined;

  constructor(expectedPending = 1024) {
    this.#queue = new EventQueue(expectedPending);
  }

  /** Events waiting to run. */
  get pending(): number {
    return this.#queue.size;
  }

  /** Registers a handler; the number returned names it in {@link at}. */
  handle(handler: Handler): number {
    this.#handlers.push(handler);
    return this.#handlers.length - 1;
  }

  /**
   * Schedules `handler(a, b)` at tick `time`; `a` and `b` are 32-bit signed integers. Events of one tick run in the order
   * they were scheduled.
   * @throws {RangeError} when `time` is in the past, no integer, or over 2^53.
   */
  at(time: number, handler: number, a: number, b: number): void {
    this.#queue.push(time, handler, a, b);
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
    const hook = this.#hook;
    const ran = hook === undefined ? this.#runBare(limit) : this.#runHooked(limit, hook);
    this.events += ran;
    return this.#queue.size > 0;
  }

  #runBare(limit: number): number {
    const queue = this.#queue;
    const handlers = this.#handlers;
    let ran = 0;
    while (ran < limit && queue.pop()) {
      ran++;
      this.now = queue.time;
      handlers[queue.handler]!(queue.a, queue.b);
    }
    return ran;
  }

  #runHooked(limit: number, hook: EventHook): number {
    const queue = this.#queue;
    let ran = 0;
    while (ran < limit && queue.pop()) {
      ran++;
      this.now = queue.time;
      const { handler, a, b } = queue;
      hook(queue.time, handler, a, b);
      this.#handlers[handler]!(a, b);
    }
    return ran;
  }
}
