import { crowded, fourEpochs, twelveTasks, type WorldSpec } from '../world-spec.ts';
import type { Edit, Mutant } from './mutant.ts';

const oneEdit = (file: string, from: string, to: string): readonly Edit[] => [{ file, from, to }];

/** More tasks than two processors take at once, so that a hand is placed in several batches. */
const busy: WorldSpec = { ...twelveTasks, processors: 2, rows: [[[4, 4]], [[4, 3]]] };

/** Rows short of whole row blocks: the padded and the unpadded capacity differ. */
const unpadded: WorldSpec = { ...crowded, tokens: 12, rows: crowded.rows.slice(0, 1) };

/** Signals left ahead and stale for up to three epochs: the pattern that three epoch states confuse. */
const silences: WorldSpec = {
  ...fourEpochs,
  model: 'weak',
  expertsPerRank: [2, 2],
  tokens: 8,
  rows: [0, 1, 2, 3, 4, 5].map((epoch) => [
    [0, 0, epoch % 3 === 0 ? 2 : 0, epoch % 2],
    [epoch % 2, epoch % 4 === 3 ? 1 : 0, 0, 0],
  ]),
};

const defaults = { world: crowded, runs: 2000, onlyWeak: false, strategy: 'random' } as const;

/** Faults of memory order and scope, and of the order of operations around it. */
const ordering: readonly Mutant[] = [
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
    onlyWeak: true,
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
    onlyWeak: true,
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
    onlyWeak: true,
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
  },
  {
    ...defaults,
    id: 'M15',
    fault: 'the last arriver does not acquire what the others released',
    killedBy: ['S4'],
    edits: oneEdit('protocol/arrival.h', 'add<Order::AcqRel, S>', 'add<Order::Release, S>'),
    // One block per cell, so that only the row blocks' counters have several arrivers.
    world: { ...twelveTasks, rows: [[[1, 1]], [[1, 1]]] },
    onlyWeak: true,
  },
  {
    ...defaults,
    id: 'M16',
    fault: 'the scheduler does not acquire the queue entry',
    killedBy: ['S4'],
    edits: oneEdit('protocol/queue.h', 'load<Order::Acquire, S>', 'load<Order::Relaxed, S>'),
    onlyWeak: true,
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
    world: { ...busy, laneViews: true },
    runs: 200,
  },
];

/** Faults of index and size formulas. */
const layout: readonly Mutant[] = [
  {
    ...defaults,
    id: 'M1',
    fault: 'the capacity stride is not padded to whole row blocks',
    killedBy: ['L6', 'L5', 'L2'],
    edits: oneEdit(
      'layout/heap.h',
      'return cell * s.capacity + row;',
      'return cell * s.tokens + row;',
    ),
    world: unpadded,
  },
  {
    ...defaults,
    id: 'M3',
    fault: 'round and stage change places on the sending side',
    killedBy: ['L5'],
    edits: oneEdit(
      'explorer/actor.cc',
      'rowAt(home.rank, rank_, Stage::Incoming, home.slot, r)',
      'heapAt(home.rank, dispatchOffset(s_, cellIndex(s_, rank_, Round::Combine, Stage::Outgoing, home.slot), r, 0))',
    ),
  },
  {
    ...defaults,
    id: 'M4',
    fault: 'the expert slot is missing from the base of the outgoing stage',
    killedBy: ['L2'],
    edits: oneEdit(
      'layout/heap.h',
      'static_cast<uint32_t>(stage)) * s.slots + slot;',
      'static_cast<uint32_t>(stage)) * s.slots + (stage == Stage::Outgoing ? 0 : slot);',
    ),
    world: { ...crowded, puts: 2 },
  },
  {
    ...defaults,
    id: 'M5',
    fault: 'the row offset is missing from the remote put of a tile',
    killedBy: ['L2', 'S4'],
    edits: oneEdit(
      'layout/heap.h',
      'tile + static_cast<uint64_t>(row) * width',
      'tile + static_cast<uint64_t>(row) * 0 + static_cast<uint64_t>(width) * 0',
    ),
  },
  {
    ...defaults,
    id: 'M6',
    fault: 'the flag array is one flag short',
    killedBy: ['L3', 'L5'],
    edits: oneEdit(
      'layout/heap.h',
      'cellRowBlocks(s) * gemm1Cols(s);\n}\n\n}  // namespace',
      'cellRowBlocks(s) * gemm1Cols(s) - 1;\n}\n\n}  // namespace',
    ),
    world: {
      ...crowded,
      rows: [
        [
          [0, 0, 16],
          [0, 0, 16],
        ],
      ],
    },
  },
  {
    ...defaults,
    id: 'M7',
    fault: 'a task queue has no room for the residue rows',
    killedBy: ['L4'],
    edits: oneEdit('protocol/queue.h', 's.topK / s.tileRows + s.experts;', 's.topK / s.tileRows;'),
    // Eight experts of the peer with one row each: eight row blocks from eight tokens, where whole row blocks would make
    // one. All their tiles may come back before the scheduler looks, which needs it to fall behind: priorities.
    world: {
      ...twelveTasks,
      expertsPerRank: [1, 8],
      tokens: 8,
      hidden: 512,
      intermediate: 64,
      processors: 2,
      rows: [
        [
          [0, 1, 1, 1, 1, 1, 1, 1, 1],
          [0, 0, 0, 0, 0, 0, 0, 0, 0],
        ],
      ],
    },
    strategy: 'pct',
  },
  {
    ...defaults,
    id: 'M8',
    fault: "the destination's rank stands where the sender's own belongs",
    killedBy: ['L5'],
    edits: oneEdit(
      'protocol/send.h',
      'dispatchFlag(s, st.rank, home.slot)',
      'dispatchFlag(s, home.rank, home.slot)',
    ),
  },
  {
    ...defaults,
    id: 'M10',
    fault: 'the row block is missing from the flag index',
    killedBy: ['L2'],
    edits: oneEdit(
      'layout/heap.h',
      '(expert * cellRowBlocks(s) + block) * gemm1Cols(s) + col',
      'expert * cellRowBlocks(s) * gemm1Cols(s) + col + 0 * block',
    ),
  },
];

/** Faults of the scheduler and of the mailboxes. */
const scheduling: readonly Mutant[] = [
  {
    ...defaults,
    id: 'M19',
    fault: 'the status word frees the mailbox before the next doorbell was read',
    killedBy: ['S6'],
    edits: oneEdit(
      'protocol/processor.h',
      'if (!st.eager) publishStatus(mem, st.mailboxes, st.index, bell.sequence);',
      'publishStatus(mem, st.mailboxes, st.index, st.eager ? nextSequence(bell.sequence) : bell.sequence);',
    ),
    world: busy,
  },
  {
    ...defaults,
    id: 'M20',
    fault: 'the status word is never set',
    killedBy: ['T5'],
    edits: oneEdit(
      'protocol/processor.h',
      'if (st.eager) publishStatus(mem, st.mailboxes, st.index, bell.sequence);',
      '',
    ),
  },
  {
    ...defaults,
    id: 'M21',
    fault: 'a processor joins the ready queue twice',
    killedBy: ['S7'],
    edits: oneEdit('protocol/scheduler.h', 'st.slotState[p] |= 1;', ''),
  },
  {
    ...defaults,
    id: 'M22',
    fault: 'processors past the last multiple of 32 are never swept',
    killedBy: ['T5'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'return p < st.processors && seen[j][lane]',
      'return p < st.processors / kLanes * kLanes && seen[j][lane]',
    ),
  },
  {
    ...defaults,
    id: 'M23',
    fault: 'the ready queue wraps one entry early',
    killedBy: ['S7'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'st.readyQueue[(run.readyHead + lane) & st.readyMask]',
      'st.readyQueue[(run.readyHead + lane) % st.readyMask]',
    ),
    world: { ...twelveTasks, rows: [[[4, 4]], [[4, 4]]] },
  },
  {
    ...defaults,
    id: 'M24',
    fault: 'every doorbell has the same sequence',
    killedBy: ['S6'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'const uint32_t sequence = nextSequence(st.slotState[p] >> 1);\n    trace.record(EventKind::TaskCommitted',
      'const uint32_t sequence = 1;\n    trace.record(EventKind::TaskCommitted',
    ),
  },
  {
    ...defaults,
    id: 'M25',
    fault: 'the hand does not move on after it was placed in part',
    killedBy: ['S1'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'run.taken += batch;',
      'if (run.taken + batch == run.open) run.taken = run.open;',
    ),
    world: busy,
  },
  {
    ...defaults,
    id: 'M26',
    fault: 'a flag that is not there yet counts as taken',
    // Its tasks never come, so every actor waits for good.
    killedBy: ['T5'],
    edits: oneEdit('protocol/subscriber.h', 'pending &= ~fresh[j];', 'pending = 0;'),
  },
];

/** Faults of termination and epochs. */
const termination: readonly Mutant[] = [
  {
    ...defaults,
    id: 'M30',
    fault: 'a rank without rows for a cell sends no signal',
    killedBy: ['T5'],
    edits: oneEdit(
      'protocol/send.h',
      'if (st.ownRows[e] == 0) signalCell',
      'if (st.ownRows[e] != 0 && false) signalCell',
    ),
  },
  {
    ...defaults,
    id: 'M31',
    fault: 'the surplus is subtracted for every signal of a peer',
    killedBy: ['T2'],
    edits: oneEdit('protocol/bound.h', '& bit) return false;', '& 0u) return false;'),
  },
  {
    ...defaults,
    id: 'M34',
    fault: 'three epoch states',
    killedBy: ['T3'],
    edits: oneEdit('layout/packet.h', 'kEpochStates = 4', 'kEpochStates = 3'),
    world: silences,
  },
  {
    ...defaults,
    id: 'M36',
    fault: 'a stale signal is taken for a current one',
    killedBy: ['T3'],
    edits: oneEdit('layout/packet.h', 'return Freshness::Stale;', 'return Freshness::Current;'),
  },
  {
    ...defaults,
    id: 'M37',
    fault: 'the scheduler interrupts before every peer has corrected the bound',
    killedBy: ['T4'],
    edits: oneEdit(
      'protocol/bound.h',
      'fullPeerTasks(s, localExperts) - rowTiles * tasksPerRowBlock(s);',
      'fullPeerTasks(s, localExperts) - (rowTiles == 0 ? 0 : rowTiles - 1) * tasksPerRowBlock(s);',
    ),
  },
  {
    ...defaults,
    id: 'M38',
    fault: 'arrival counters are not cleared for the next launch',
    // Rows of the last epoch count as arrived, or the total is never met again.
    killedBy: ['S5', 'T5'],
    edits: oneEdit(
      'protocol/arrival.h',
      'if (before + amount == total) mem.template store<Order::Relaxed, S>(counter, 0u);',
      '',
    ),
  },
  {
    ...defaults,
    id: 'M40',
    fault: 'row blocks are counted with floor instead of ceil',
    killedBy: ['S2', 'T2'],
    edits: oneEdit(
      'layout/shape.h',
      'return ceilDiv(rows, s.tileRows);',
      'return rows / s.tileRows;',
    ),
  },
];

/** Every planted fault, in the order of the catalogue. */
export const mutants: readonly Mutant[] = [...layout, ...ordering, ...scheduling, ...termination];

/** What the suite must find without being told where: index formulas and bookkeeping of one family of faults. */
export const blindRediscovery: readonly string[] = ['M4', 'M5', 'M6', 'M7', 'M34'];
