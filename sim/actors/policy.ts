import type { OpCode } from '../moe/task.ts';

/** Values of a policy's options as the scenario gives them. */
export type PolicyOptions = Readonly<Record<string, number | string | boolean>>;

/** What a policy may know: the sizes of its rank, and what the scheduler can read in its own memory. */
export interface PolicyContext {
  /** Processors of the rank, numbered from 0. */
  readonly processors: number;
  /** Task queues: one a subscriber, then the processors' own. */
  readonly queues: number;
  readonly options: PolicyOptions;
  operation(task: number): OpCode;
  /** GEMM0 tasks that all peers will send rows for in this launch; undefined until every peer has announced its own. */
  announcedGemm0Tasks(): number | undefined;
}

/**
 * A scheduling policy: pairs ready tasks with ready processors. One object serves one rank for one launch. The scheduler
 * gives it what a sweep found, then asks for placements until there are none; what it costs is the scheduler's matter.
 *
 * Contract: every task taken is chosen exactly once; a processor is chosen only after it was taken, once each time; a
 * policy that could place and does not must be able to place after the next thing it takes, or after
 * `announcedGemm0Tasks` changes: nothing else wakes it.
 */
export interface SchedulingPolicy {
  /** May the scheduler open a hand: take the next few entries of every queue? A sweep opens one at most; each costs a poll of the queues. */
  wantsHand(): boolean;
  /** Tasks [first, first + count) of one entry of `queue` are ready. Entries of a queue come in the order of its tickets. */
  takeEntry(queue: number, first: number, count: number): void;
  /** The mailbox of `processor` is free. */
  takeProcessor(processor: number): void;
  /** Chooses one placement into `task` and `processor`; false when there is none now. */
  choose(): boolean;
  readonly task: number;
  readonly processor: number;
  /** Tasks taken and not yet chosen. */
  readonly waiting: number;
}

/** A named policy. */
export interface PolicyDefinition {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** Option names and what they mean; an option not named here is an error. */
  readonly options: Readonly<Record<string, string>>;
  create(context: PolicyContext): SchedulingPolicy;
}
