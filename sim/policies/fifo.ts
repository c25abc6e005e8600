import { IntRing } from '../actors/int-ring.ts';
import type { PolicyContext, PolicyDefinition, SchedulingPolicy } from './policy.ts';

/**
 * A policy of the kernel: tasks in the order in which the scheduler opens their entries, processors in the order in which
 * they became free. The next hand is opened when the last is used up, so no queue waits behind another for longer than that.
 */
class Fifo implements SchedulingPolicy {
  task = 0;
  processor = 0;
  waiting = 0;

  /** First task and count of each entry of the hand, one after the other. */
  readonly #hand: IntRing = new IntRing();
  readonly #ready: IntRing;
  /** What is left of the entry being placed. */
  #first = 0;
  #count = 0;

  constructor(context: PolicyContext) {
    this.#ready = new IntRing(context.processors);
  }

  wantsHand(): boolean {
    return this.waiting === 0;
  }

  takeEntry(_queue: number, first: number, count: number): void {
    this.#hand.push(first);
    this.#hand.push(count);
    this.waiting += count;
  }

  takeProcessor(processor: number): void {
    this.#ready.push(processor);
  }

  choose(): boolean {
    if (this.waiting === 0 || this.#ready.size === 0) return false;
    if (this.#count === 0) {
      this.#first = this.#hand.shift();
      this.#count = this.#hand.shift();
    }
    this.task = this.#first++;
    this.#count--;
    this.processor = this.#ready.shift();
    this.waiting--;
    return true;
  }
}

export const fifo: PolicyDefinition = {
  name: 'fifo',
  summary: 'the kernel: tasks in the order they are found, to the processor that is free longest',
  options: {},
  create: (context) => new Fifo(context),
};
