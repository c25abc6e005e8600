import { IntRing } from '../actors/int-ring.ts';
import { Op } from '../moe/generated/layout.ts';
import type { OpCode } from '../moe/task.ts';
import type { PolicyContext, SchedulingPolicy } from './policy.ts';

/** Entries of a class that the scheduler keeps in its own memory. */
const ringEntries = 64;

/** Most entries that one hand brings: a lane of the scheduler's warp each. */
const handEntries = 32;

/** Ready tasks of one class, as entries in the order they were found. */
class ClassRing {
  /** Tasks that wait. */
  tasks = 0;
  readonly #entries: IntRing = new IntRing(2 * ringEntries);
  /** What is left of the entry being placed. */
  #first = 0;
  #count = 0;

  get hasRoom(): boolean {
    return this.#entries.size / 2 + handEntries <= ringEntries;
  }

  push(first: number, count: number): void {
    this.#entries.push(first);
    this.#entries.push(count);
    this.tasks += count;
  }

  shift(): number {
    if (this.#count === 0) {
      this.#first = this.#entries.shift();
      this.#count = this.#entries.shift();
    }
    this.#count--;
    this.tasks--;
    return this.#first++;
  }
}

/**
 * Classes in the order in which a processor should be served, `last` being the class of the task it was given before in
 * this launch; undefined: it had none.
 */
export type ClassOrder = (last: OpCode | undefined) => readonly OpCode[];

/**
 * Policies that look at what a task is: queue entries move, a bounded number, into a ring for each operation, and the
 * processor that is free longest takes the oldest task of the first class in its order that has one. Work-conserving:
 * any task goes to any processor. As long as a class floods its ring no further hand is opened, so tasks of other
 * classes may lie unseen behind it, while there is work for everybody.
 */
export class ClassRings implements SchedulingPolicy {
  task = 0;
  processor = 0;

  readonly #context: PolicyContext;
  readonly #order: ClassOrder;
  readonly #ready: IntRing;
  readonly #rings: Readonly<Record<OpCode, ClassRing>> = {
    [Op.Gemm0]: new ClassRing(),
    [Op.Gemm1]: new ClassRing(),
    [Op.Combine]: new ClassRing(),
  };
  readonly #last: (OpCode | undefined)[];

  constructor(context: PolicyContext, order: ClassOrder) {
    this.#context = context;
    this.#order = order;
    this.#ready = new IntRing(context.processors);
    this.#last = Array.from({ length: context.processors }, () => undefined);
  }

  get waiting(): number {
    const rings = this.#rings;
    return rings[Op.Gemm0].tasks + rings[Op.Gemm1].tasks + rings[Op.Combine].tasks;
  }

  wantsHand(): boolean {
    const rings = this.#rings;
    return rings[Op.Gemm0].hasRoom && rings[Op.Gemm1].hasRoom && rings[Op.Combine].hasRoom;
  }

  takeEntry(_queue: number, first: number, count: number): void {
    this.#rings[this.#context.operation(first)].push(first, count);
  }

  takeProcessor(processor: number): void {
    this.#ready.push(processor);
  }

  choose(): boolean {
    if (this.#ready.size === 0 || this.waiting === 0) return false;
    this.processor = this.#ready.shift();
    const order = this.#order(this.#last[this.processor]);
    const op = order.find((each) => this.#rings[each].tasks > 0)!;
    this.task = this.#rings[op].shift();
    this.#last[this.processor] = op;
    return true;
  }
}
