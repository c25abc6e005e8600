import { twelveTasks } from '../../world-spec.ts';
import type { Mutant } from '../mutant.ts';
import { busy, defaults, full, oneEdit } from './common.ts';

/** Faults of the scheduler and of the mailboxes. */
export const scheduling: readonly Mutant[] = [
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
    edits: oneEdit('protocol/scheduler.h', 'st.slotState[p] = state | 1;', ''),
  },
  {
    ...defaults,
    id: 'M22',
    fault: 'processors past the last multiple of 32 are never swept',
    killedBy: ['T5'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'return p < st.processors && flight.status[j][lane]',
      'return p < st.processors / kLanes * kLanes && flight.status[j][lane]',
    ),
  },
  {
    ...defaults,
    id: 'M23',
    fault: 'the ready queue wraps one entry early',
    killedBy: ['S7'],
    edits: oneEdit(
      'protocol/scheduler.h',
      '((firstReady + lane) & st.readyMask)',
      '((firstReady + lane) % st.readyMask)',
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
      'sequence = nextSequence(st.slotState[p] >> 1);\n    }\n    recordIf(trace, mine, EventKind::TaskCommitted',
      'sequence = 1;\n    }\n    recordIf(trace, mine, EventKind::TaskCommitted',
    ),
  },
  {
    ...defaults,
    id: 'M25',
    fault: 'a backlog does not move on after it was placed in part',
    killedBy: ['S1'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'run.backlog[c].head += c == pairing.backlog ? batch : 0;',
      'run.backlog[c].head += c == pairing.backlog && batch == run.backlog[c].count() ? batch : 0;',
    ),
    world: busy,
  },
  {
    ...defaults,
    id: 'M25-room',
    fault: 'an entry is taken although its backlog has no room, and overwrites tasks that wait',
    killedBy: ['S1', 'S2'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'const uint32_t room = st.backlogRoom - spanOf(run.backlog, c).count();',
      'const uint32_t room = st.backlogRoom;',
    ),
    world: full,
  },
  {
    ...defaults,
    id: 'M25-hand',
    fault: 'the room that other entries of the same hand take is not counted',
    killedBy: ['S1', 'S2'],
    edits: oneEdit(
      'protocol/scheduler.h',
      'tasksOfClass(place[lane], c) + range[lane].count > room',
      'range[lane].count > room',
    ),
    world: full,
  },
  {
    ...defaults,
    id: 'M25-order',
    fault: 'an entry is taken although one before it in its queue found no room',
    killedBy: ['S1', 'S2', 'S10'],
    edits: oneEdit(
      'protocol/scheduler.h',
      '(taken >> lane & 1) && (over & lanes.upTo(lane)) == 0',
      '(taken & ~over) >> lane & 1',
    ),
    world: full,
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
