import { IntRing } from './int-ring.ts';
import type { PolicyContext, PolicyDefinition, SchedulingPolicy } from './policy.ts';

/**
 * The kernel's own policy: at most one open entry a queue, processors in the order they became free, and queues served in
 * turn, each until its open entry is used up; its next entry is then opened at once.
 */
class Fifo implements SchedulingPolicy {
  task = 0;
  processor = 0;
  waiting = 0;
  usedUp = -1;

  readonly #first: Int32Array;
  readonly #count: Int32Array;
  readonly #ready: IntRing;
  /** Queue that is served first. */
  #turn = 0;

  constructor(context: PolicyContext) {
    this.#first = new Int32Array(context.queues);
    this.#count = new Int32Array(context.queues);
    this.#ready = new IntRing(context.processors);
  }

  wantsEntry(queue: number): boolean {
    return this.#count[queue] === 0;
  }

  takeEntry(queue: number, first: number, count: number): void {
    this.#first[queue] = first;
    this.#count[queue] = count;
    this.waiting += count;
  }

  takeProcessor(processor: number): void {
    this.#ready.push(processor);
  }

  choose(): boolean {
    if (this.waiting === 0 || this.#ready.size === 0) return false;
    const queues = this.#count.length;
    let queue = this.#turn;
    while (this.#count[queue] === 0) queue = (queue + 1) % queues;
    this.task = this.#first[queue]!;
    this.processor = this.#ready.shift();
    this.waiting--;
    this.#first[queue] = this.task + 1;
    const left = this.#count[queue]! - 1;
    this.#count[queue] = left;
    // A queue keeps its turn until its entry is used up: the tasks of an entry share their operands.
    if (left === 0) this.#turn = (queue + 1) % queues;
    this.usedUp = left === 0 ? queue : -1;
    return true;
  }
}

export const fifo: PolicyDefinition = {
  name: 'fifo',
  summary: 'the kernel: first task of each queue in turn, to the processor that is free longest',
  options: {},
  create: (context) => new Fifo(context),
};
