import { laneName } from '../../trace/analysis/event-index.ts';
import { EventKind, type EventKindName, eventFields } from '../../trace/generated/events.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';

/**
 * The scheduler interrupts after it has committed every task of the launch, and commits none after; every processor's and
 * subscriber's exit answers an interrupt; and an actor records nothing after its exit.
 */
export const t4ExitLast: Monitor = {
  id: 'T4',
  title:
    'interrupts only after all tasks are scheduled; exit after all finish; no write after exit',
  kinds: ['Interrupt', 'Exit', 'TaskCommitted'],
  needs: 'all events',
  run(context, findings) {
    const { index } = context;
    for (let lane = 0; lane < index.lanes.length; lane++) {
      if (index.lanes[lane]!.role === 'scheduler') judgeScheduler(context, findings, lane);
    }
    for (const row of index.rowsOf('Exit')) judgeExit(context, findings, row);
    return undefined;
  },
};

function judgeScheduler(context: CheckContext, findings: Findings, lane: number): void {
  const { index, events } = context;
  let committed = 0;
  let interrupted = -1;
  const { rank, first } = index.lanes[lane]!;
  for (let row = first; row >= 0; row = index.next[row]!) {
    const before = index.previous[row]!;
    if (before >= 0 && events.launch[before] !== events.launch[row]) {
      committed = 0;
      interrupted = -1;
    }
    if (events.kind[row] === EventKind.TaskCommitted) {
      committed++;
      if (interrupted >= 0) {
        findings.at(row, 'task committed after the first interrupt', interrupted);
      }
    }
    if (events.kind[row] !== EventKind.Interrupt || interrupted >= 0) continue;
    interrupted = row;
    const total = context.taskTotal(events.launch[row]!, rank);
    if (committed !== total) findings.at(row, `interrupted with ${committed} of ${total} tasks`);
  }
}

/** Nothing after it in its launch, an interrupt before it, and the sequence of that interrupt. */
function judgeExit(context: CheckContext, findings: Findings, row: number): void {
  const { index, events, matches } = context;
  const after = index.next[row]!;
  if (after >= 0 && events.launch[after] === events.launch[row]) {
    const name = Object.keys(eventFields)[events.kind[after]! - 1] as EventKindName;
    findings.at(after, `${name} after the actor's exit`, row);
  }
  const lane = index.lanes[index.laneOf[row]!]!;
  if (lane.role === 'scheduler') return;
  const key = pairKey(events.launch[row]!, events.rank[row]!);
  const interrupt = matches.interrupts.first(key, events.actor[row]!);
  if (interrupt < 0) {
    findings.at(row, `${laneName(lane)} exited without an interrupt`);
  } else if (lane.role === 'processor' && events.b[interrupt] !== events.b[row]) {
    const rung = `the interrupt rang ${events.b[interrupt]}`;
    findings.at(row, `exited at doorbell ${events.b[row]}, ${rung}`, interrupt);
  }
}
