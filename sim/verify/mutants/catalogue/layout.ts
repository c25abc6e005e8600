import { crowded, twelveTasks } from '../../world-spec.ts';
import type { Mutant } from '../mutant.ts';
import { defaults, oneEdit, unpadded } from './common.ts';

/** Faults of index and size formulas. */
export const layout: readonly Mutant[] = [
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
