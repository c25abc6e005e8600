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
  { name: 'ringFenced', what: 'rings a doorbell behind a fence', allowed: noise },
  { name: 'awaitDoorbell', what: 'waits for a doorbell', allowed: noise },
  { name: 'publishStatus', what: 'frees a mailbox', allowed: noise },
  { name: 'pushTasks', what: 'publishes a queue entry', allowed: noise },
  { name: 'lookForTasks', what: 'looks at a queue entry', allowed: noise },
  { name: 'arriveCounter', what: 'arrives at a counter', allowed: noise },
  { name: 'rankBarrier', what: 'arrives at the barrier and waits', allowed: noise },
  { name: 'subtractSurplus', what: 'corrects the bound', allowed: noise },
  { name: 'signalTileDone', what: 'signals a GEMM1 tile', allowed: noise },
  {
    name: 'arriveAtCells',
    what: 'arrives at cells, signals, no-ops',
    allowed: 6,
    why: 'a warp sync before each of two ballots and behind the arrivals',
  },
  {
    name: 'takeFlight',
    what: 'loads status words and queue entries, takes what is there',
    allowed: 30,
    why: 'each of fourteen ballots syncs the warp first, and a lane tests its bit of the result where its own vote would do',
  },
  { name: 'placeTasks', what: 'places what is waiting', allowed: noise },
  {
    name: 'scheduler',
    what: "the scheduler's launch",
    allowed: 60,
    why: 'the same, and a division more of a lane by the entries a queue gets, which are a constant in the kernel',
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
    allowed: 18,
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
