import type { Mutant } from '../mutant.ts';
import { defaults, oneEdit, overtaken, silences } from './common.ts';

/** Faults of termination and epochs. */
export const termination: readonly Mutant[] = [
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
    edits: oneEdit('protocol/arrival.h', 'mem.template store<Order::Relaxed, S>(counter, 0u);', ''),
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
  {
    ...defaults,
    id: 'quiet',
    fault:
      'a launch ends before its puts are done, and one of its no-ops lands on a signal of the next',
    killedBy: ['S8', 'S2'],
    edits: oneEdit(
      'explorer/actor.cc',
      'execute(task, index, rows); });\n  quiet();',
      'execute(task, index, rows); });',
    ),
    world: overtaken,
    strategy: 'pct',
    needsItsWorld: true,
  },
];
