/** What a scheduling policy promises. */
interface Promises {
  /** A ready task and a free mailbox never wait for one another longer than the scheduler's latency (W1, W2). */
  readonly greedy: boolean;
  /** No task is passed by an unbounded number of later ones (W6). */
  readonly bounded: boolean;
  /** Tasks of one queue are committed in the order of its entries (S10). */
  readonly fifo: boolean;
}

/**
 * Policies by name. Those that hold work back or bind tasks to processors do so on purpose: they are reported, not
 * failed. A policy that is not listed promises nothing.
 */
const policies: Readonly<Record<string, Promises>> = {
  fifo: { greedy: true, bounded: true, fifo: true },
  interleave: { greedy: true, bounded: false, fifo: false },
  'gemm1-first': { greedy: true, bounded: false, fifo: false },
  'round-robin': { greedy: false, bounded: false, fifo: false },
  static: { greedy: false, bounded: false, fifo: false },
  lag: { greedy: false, bounded: false, fifo: false },
};

export function isGreedy(policy: string): boolean {
  return policies[policy]?.greedy ?? false;
}

export function isBounded(policy: string): boolean {
  return policies[policy]?.bounded ?? false;
}

export function isFifo(policy: string): boolean {
  return policies[policy]?.fifo ?? false;
}
