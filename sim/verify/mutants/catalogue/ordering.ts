import { twelveTasks } from '../../world-spec.ts';
import type { Mutant } from '../mutant.ts';
import { busy, defaults, handOver, oneEdit, twoBlocks } from './common.ts';

/** Faults of memory order and scope, and of the order of operations around it. */
export const ordering: readonly Mutant[] = [
  {
    ...defaults,
    id: 'M12',
    fault: 'the signal does not release the payload before it',
    killedBy: ['S5'],
    edits: oneEdit(
      'explorer/actor.cc',
      'mem.store<Order::Release, Scope::System>(at, word',
      'mem.store<Order::Relaxed, Scope::System>(at, word',
    ),
    underSc: 'hidden',
    everyState: handOver,
  },
  {
    ...defaults,
    id: 'M13',
    fault: 'flags are read with device scope, but peers write them',
    killedBy: ['S5'],
    edits: oneEdit(
      'protocol/subscriber.h',
      'mem.template load<Order::Relaxed, Scope::System>(&st.flags[st.watch',
      'mem.template load<Order::Relaxed, Scope::Device>(&st.flags[st.watch',
    ),
    underSc: 'hidden',
    everyState: handOver,
  },
  {
    ...defaults,
    id: 'M13-fence',
    fault: "the subscriber's fence has device scope, but peers wrote the payload",
    killedBy: ['S5'],
    edits: oneEdit(
      'protocol/subscriber.h',
      'fence<Order::Acquire, Scope::System>',
      'fence<Order::Acquire, Scope::Device>',
    ),
    underSc: 'hidden',
    everyState: handOver,
  },
  {
    ...defaults,
    id: 'M14',
    fault: 'the first block to arrive signals the cell, before the others have put their rows',
    killedBy: ['S5'],
    edits: oneEdit(
      'protocol/send.h',
      'if (rows[lane] > 0 && before[lane] + rows[lane] == st.ownRows[e]) signalCell',
      'if (rows[lane] > 0 && before[lane] == 0) signalCell',
    ),
    underSc: 'shown',
  },
  {
    ...defaults,
    id: 'M15',
    fault: 'the last arriver does not acquire what the others released',
    killedBy: ['S4'],
    edits: oneEdit('protocol/arrival.h', 'add<Order::AcqRel, S>', 'add<Order::Release, S>'),
    // One block per cell, so that only the row blocks' counters have several arrivers.
    world: { ...twelveTasks, rows: [[[1, 1]], [[1, 1]]] },
    underSc: 'hidden',
    everyState: twoBlocks,
  },
  {
    ...defaults,
    id: 'M16',
    fault: 'the scheduler does not acquire the queue entries of its hand',
    killedBy: ['S4'],
    edits: oneEdit(
      'protocol/doorbell.h',
      'fence<Order::AcqRel, Scope::Device>',
      'fence<Order::Release, Scope::Device>',
    ),
    underSc: 'hidden',
    everyState: handOver,
  },
  {
    ...defaults,
    id: 'M16-release',
    fault:
      'the scheduler does not release what made the tasks ready before it rings their doorbells',
    killedBy: ['S4'],
    edits: oneEdit(
      'protocol/doorbell.h',
      'fence<Order::AcqRel, Scope::Device>',
      'fence<Order::Acquire, Scope::Device>',
    ),
    underSc: 'hidden',
    everyState: handOver,
  },
  {
    ...defaults,
    id: 'M16-early',
    fault: 'one fence for a whole sweep, before the loads of its hands',
    killedBy: ['S4'],
    edits: [
      { file: 'protocol/scheduler.h', from: '  fenceHand(mem);\n', to: '' },
      {
        file: 'protocol/scheduler.h',
        from: '  Flight<W> flight;\n',
        to: '  Flight<W> flight;\n  fenceHand(mem);\n',
      },
    ],
    underSc: 'hidden',
    everyState: handOver,
  },
  {
    ...defaults,
    id: 'M16-scope',
    fault: 'the fence of a hand has block scope, but processors are other blocks',
    killedBy: ['S4'],
    edits: oneEdit(
      'protocol/doorbell.h',
      'fence<Order::AcqRel, Scope::Device>',
      'fence<Order::AcqRel, Scope::Block>',
    ),
    underSc: 'hidden',
    everyState: handOver,
  },
  {
    ...defaults,
    id: 'M17',
    fault: 'GEMM1 tasks are published by the first GEMM0 tile of a row block',
    killedBy: ['S3', 'S4'],
    edits: oneEdit(
      'protocol/processor.h',
      'if (before + 1 != gemm0Cols(s)) return;',
      'if (before != 0) return;',
    ),
    // The scheduler must be faster than another processor's tile, and its sweep has more steps: priorities.
    strategy: 'pct',
    underSc: 'shown',
  },
  {
    ...defaults,
    id: 'M18',
    fault: 'no warp sync before the ready queue is read',
    killedBy: ['S7'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'warp.sync();  // lanes will read',
      '// lanes will read',
    ),
    world: { ...busy, lanes: 'views' },
    runs: 200,
  },
  {
    ...defaults,
    id: 'M18-write',
    fault: 'a lane writes the ready-queue entry that its neighbour may not have read yet',
    killedBy: ['S7'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'ringFenced(mem',
      'if (lane > 0) st.readyLists[pairing.list * (st.readyMask + 1) + ((firstReady + lane - 1) & st.readyMask)] = p;\n    ringFenced(mem',
    ),
    world: { ...busy, lanes: 'down' },
  },
];
