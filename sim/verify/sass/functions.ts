/** What is compared: kernels that both halves in kernel/tests/policies have, and what the policy's half may cost more. */

export interface ComparedFunction {
  readonly name: string;
  readonly what: string;
  /** Instructions that the policy's version may have more in all. */
  readonly allowed: number;
  /** Of these, memory accesses, atomics and fences; absent: none. */
  readonly allowedAccesses?: number;
  /** Where the difference comes from; absent: at most a register move here or there. */
  readonly why?: string;
}

/** What the compiler's own moves may differ by. */
const noise = 2;

export const comparedFunctions: readonly ComparedFunction[] = [
  { name: 'ringDoorbell', what: 'rings a doorbell', allowed: noise },
  { name: 'awaitDoorbell', what: 'waits for a doorbell', allowed: noise },
  { name: 'publishStatus', what: 'frees a mailbox', allowed: noise },
  { name: 'pushTasks', what: 'publishes a queue entry', allowed: noise },
  { name: 'peekTasks', what: 'looks at a queue entry', allowed: noise },
  { name: 'arriveCounter', what: 'arrives at a counter', allowed: noise },
  { name: 'rankBarrier', what: 'arrives at the barrier and waits', allowed: noise },
  { name: 'subtractSurplus', what: 'corrects the bound', allowed: noise },
  { name: 'signalTileDone', what: 'signals a GEMM1 tile', allowed: noise },
  { name: 'arriveAtCells', what: 'arrives at cells, signals, no-ops', allowed: noise },
  {
    name: 'sweepMailboxes',
    what: 'sweeps the status words',
    allowed: 12,
    why: 'each of the four ballots syncs the warp first, and a lane tests its bit of the result where its own vote would do',
  },
  { name: 'placeHand', what: 'opens a hand and places it', allowed: 4, why: 'one ballot' },
  {
    name: 'scheduler',
    what: "the scheduler's launch",
    allowed: 20,
    why: 'the sweep, and a warp sync at every ballot',
  },
  {
    name: 'pollFlags',
    what: 'polls four chunks of flags and takes what is there',
    allowed: 8,
    why: 'a warp sync at each of four ballots',
  },
  {
    name: 'subscriber',
    what: "the subscriber's launch",
    allowed: 16,
    allowedAccesses: 1,
    why: 'a warp sync at every ballot; one word read twice',
  },
  {
    name: 'processor',
    what: "the processor's mailbox, from launch to exit",
    allowed: 24,
    why: 'the block policy reads the thread index afresh, so that a tile need not hold it in a register; one division more',
  },
];
