/** What a scheduling policy promises. */
interface Promises {
  /** A ready task and a free mailbox never wait for one another longer than the scheduler's latency (W1, W2, W6). */
  readonly greedy: boolean;
  /** Tasks of one queue are committed in the order of its entries (S10). */
  readonly fifo: boolean;
}

/**
 * Policies by name. Those that hold work back or bind tasks to processors do so on purpose: they are reported, not
 * failed. A policy that is not listed promises nothing.
 */
const policies: Readonly<Record<string, Promises>> = {
  fifo: { greedy: true, fifo: true },
  'round-robin': { greedy: false, fifo: false },
  static: { greedy: false, fifo: false },
  lag: { greedy: false, fifo: false },
};

export function isGreedy(policy: string): boolean {
  return policies[policy]?.greedy ?? false;
}

export function isFifo(policy: string): boolean {
  return policies[policy]?.fifo ?? false;
}
