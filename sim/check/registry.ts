import type { Monitor } from './monitor.ts';
import { l1InjectiveHeap } from './monitors/l1-injective-heap.ts';
import { l2NoOverlap } from './monitors/l2-no-overlap.ts';
import { l3DisjointSlices } from './monitors/l3-disjoint-slices.ts';
import { l4QueueCapacity } from './monitors/l4-queue-capacity.ts';
import { l5SameCell } from './monitors/l5-same-cell.ts';
import { l6RowsInCell } from './monitors/l6-rows-in-cell.ts';
import { l7SymmetricLinks } from './monitors/l7-symmetric-links.ts';
import { l8FieldsFit } from './monitors/l8-fields-fit.ts';
import { n1CombineError } from './monitors/n1-combine-error.ts';
import { n2EachRowOnce } from './monitors/n2-each-row-once.ts';
import { s1ExactlyOnce } from './monitors/s1-exactly-once.ts';
import { s2OracleTasks } from './monitors/s2-oracle-tasks.ts';
import { s3Dependencies } from './monitors/s3-dependencies.ts';
import { s4ReadAfterWrite } from './monitors/s4-read-after-write.ts';
import { s5SignalImpliesPayload } from './monitors/s5-signal-implies-payload.ts';
import { s6Doorbell } from './monitors/s6-doorbell.ts';
import { s7ReadyQueue } from './monitors/s7-ready-queue.ts';
import { s8NoPacketLost } from './monitors/s8-no-packet-lost.ts';
import { s9Reuse } from './monitors/s9-reuse.ts';
import { s10QueueFifo } from './monitors/s10-queue-fifo.ts';
import { t1Bound } from './monitors/t1-bound.ts';
import { t2SurplusOnce } from './monitors/t2-surplus-once.ts';
import { t3Epochs } from './monitors/t3-epochs.ts';
import { t4ExitLast } from './monitors/t4-exit-last.ts';
import { t5AllExit } from './monitors/t5-all-exit.ts';
import { w1Slot } from './monitors/w1-slot.ts';
import { w2Strict } from './monitors/w2-strict.ts';
import { w3Makespan } from './monitors/w3-makespan.ts';
import { w4GreedyBound } from './monitors/w4-greedy-bound.ts';
import { w5Little } from './monitors/w5-little.ts';
import { w6BoundedWait } from './monitors/w6-bounded-wait.ts';
import type { InvariantId } from './report.ts';

/** One monitor an invariant, in the order of docs/reference/invariants.md. */
export const monitors: readonly Monitor[] = [
  l1InjectiveHeap,
  l2NoOverlap,
  l3DisjointSlices,
  l4QueueCapacity,
  l5SameCell,
  l6RowsInCell,
  l7SymmetricLinks,
  l8FieldsFit,
  s1ExactlyOnce,
  s2OracleTasks,
  s3Dependencies,
  s4ReadAfterWrite,
  s5SignalImpliesPayload,
  s6Doorbell,
  s7ReadyQueue,
  s8NoPacketLost,
  s9Reuse,
  s10QueueFifo,
  t1Bound,
  t2SurplusOnce,
  t3Epochs,
  t4ExitLast,
  t5AllExit,
  w1Slot,
  w2Strict,
  w3Makespan,
  w4GreedyBound,
  w5Little,
  w6BoundedWait,
  n1CombineError,
  n2EachRowOnce,
];

/** IDs of all invariants, in order. */
export const invariants: readonly InvariantId[] = monitors.map(({ id }) => id);
