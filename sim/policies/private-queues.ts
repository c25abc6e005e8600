import { BitSet } from '../actors/bit-set.ts';
import { IntRing } from '../actors/int-ring.ts';
import type { PolicyContext, SchedulingPolicy } from './policy.ts';

/**
 * Policies that bind each task to one processor when it becomes ready: a private queue per processor, served whenever
 * that processor is free. Not work-conserving: a processor may idle while tasks wait behind a busy one.
 */
export class PrivateQueues implements SchedulingPolicy {
  task = 0;
  processor = 0;
  waiting = 0;

  readonly #queues: readonly IntRing[];
  readonly #processorOf: (task: number) => number;
  readonly #free: BitSet;
  /** Processors that are free and have a task. */
  readonly #matched: BitSet;
  /** Processors are served round the ring, so that none is favoured. */
  #next = 0;

  constructor(context: PolicyContext, processorOf: (task: number) => number) {
    this.#queues = Array.from({ length: context.processors }, () => new IntRing());
    this.#processorOf = processorOf;
    this.#free = new BitSet(context.processors);
    this.#matched = new BitSet(context.processors);
  }

  wantsHand(): boolean {
    return true;
  }

  takeEntry(_queue: number, first: number, count: number): void {
    for (let task = first; task < first + count; task++) {
      const processor = this.#processorOf(task);
      this.#queues[processor]!.push(task);
      if (this.#free.has(processor)) this.#matched.add(processor);
    }
    this.waiting += count;
  }

  takeProcessor(processor: number): void {
    this.#free.add(processor);
    if (this.#queues[processor]!.size > 0) this.#matched.add(processor);
  }

  choose(): boolean {
    if (this.#matched.size === 0) return false;
    const ahead = this.#matched.nextFrom(this.#next);
    this.processor = ahead >= 0 ? ahead : this.#matched.nextFrom(0);
    this.task = this.#queues[this.processor]!.shift();
    this.#matched.delete(this.processor);
    this.#free.delete(this.processor);
    this.#next = this.processor + 1;
    this.waiting--;
    return true;
  }
}
