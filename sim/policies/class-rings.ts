import { IntRing } from '../actors/int-ring.ts';
import { Op } from '../moe/generated/layout.ts';
import type { OpCode } from '../moe/task.ts';
import type { PolicyContext, SchedulingPolicy } from './policy.ts';

/** Entries of a class that the scheduler keeps in its own memory: kBacklogEntries of the kernel. */
const ringEntries = 256;

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

/** Free processors by the list the scheduler keeps them in: those that may take any task, and those that a tile is due. */
export interface ReadyLists {
  readonly open: number;
  readonly due: number;
}

/** What to place next: a class, and the list whose processor takes it; undefined: nothing can be placed. */
export interface Pairing {
  readonly op: OpCode;
  readonly list: keyof ReadyLists;
}

/** How a policy by class pairs: how many tasks of each class wait, and how many processors are on each list, of how many. */
export interface ClassPolicy {
  next(
    waiting: Readonly<Record<OpCode, number>>,
    ready: ReadyLists,
    processors: number,
  ): Pairing | undefined;
  /** A processor that is given a COMBINE goes to the list of those that a tile is due. */
  readonly alternates: boolean;
}

/**
 * Policies that look at what a task is: queue entries move, a bounded number, into a ring for each operation, and the
 * processor that is free longest on its list takes the oldest task of the class that the policy names. As long as a class
 * floods its ring no further hand is opened, so tasks of other classes may lie unseen behind it, while there is work for
 * everybody.
 */
export class ClassRings implements SchedulingPolicy {
  task = 0;
  processor = 0;

  readonly #context: PolicyContext;
  readonly #policy: ClassPolicy;
  readonly #open: IntRing;
  readonly #due: IntRing;
  /** Processors that a tile is due: 1. */
  readonly #tileDue: Uint8Array;
  readonly #rings: Readonly<Record<OpCode, ClassRing>> = {
    [Op.Gemm0]: new ClassRing(),
    [Op.Gemm1]: new ClassRing(),
    [Op.Combine]: new ClassRing(),
  };

  constructor(context: PolicyContext, policy: ClassPolicy) {
    this.#context = context;
    this.#policy = policy;
    this.#open = new IntRing(context.processors);
    this.#due = new IntRing(context.processors);
    this.#tileDue = new Uint8Array(context.processors);
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
    (this.#tileDue[processor] === 1 ? this.#due : this.#open).push(processor);
  }

  choose(): boolean {
    const rings = this.#rings;
    const waiting = {
      [Op.Gemm0]: rings[Op.Gemm0].tasks,
      [Op.Gemm1]: rings[Op.Gemm1].tasks,
      [Op.Combine]: rings[Op.Combine].tasks,
    };
    const ready = { open: this.#open.size, due: this.#due.size };
    const pairing = this.#policy.next(waiting, ready, this.#context.processors);
    if (pairing === undefined) return false;
    this.task = rings[pairing.op].shift();
    this.processor = (pairing.list === 'due' ? this.#due : this.#open).shift();
    this.#tileDue[this.processor] = this.#policy.alternates && pairing.op === Op.Combine ? 1 : 0;
    return true;
  }
}
