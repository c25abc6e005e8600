import { readyCount } from '../../trace/analysis/fields.ts';
import { groupRows } from '../../trace/analysis/row-groups.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { processorQueueCapacity, subscriberQueueCapacity } from '../queue-capacity.ts';

/** Queue indices are in range, each queue has its own publishers, and no queue ever holds more than its ring. */
export const l4QueueCapacity: Monitor = {
  id: 'L4',
  title: 'queue use never exceeds capacity; no queue index out of range',
  kinds: ['TasksReady', 'TaskCommitted'],
  needs: 'all events',
  run(context, findings) {
    const { index, events } = context;
    judgePublishers(context, findings);
    const queues = groupRows(
      index.rowsOf('TasksReady'),
      (row) => pairKey(events.launch[row]!, events.rank[row]!),
      (row) => events.aux[row]!,
    );
    for (let group = 0; group < queues.count; group++) {
      judgeUse(context, findings, queues.rows(group));
    }
    return undefined;
  },
};

function judgePublishers({ index, events, header }: CheckContext, findings: Findings): void {
  for (const row of index.rowsOf('TasksReady')) {
    const queue = events.aux[row]!;
    const { subscribers } = header.ranks[events.rank[row]!]!;
    const lane = index.lanes[index.laneOf[row]!]!;
    const own = lane.role === 'subscriber' ? lane.index : subscribers;
    if (queue > subscribers) {
      findings.at(row, `queue ${queue} of ${subscribers + 1}`);
    } else if (queue !== own || lane.role === 'scheduler') {
      findings.at(row, `published on queue ${queue}, which is not its own (${own})`);
    }
    if (readyCount(events.b[row]!) === 0) findings.at(row, 'queue entry without tasks');
  }
}

/** Entries published and not yet opened (no task of theirs committed) fit the ring at every time. */
function judgeUse(context: CheckContext, findings: Findings, entries: Uint32Array): void {
  const { events, tasks, shape, header } = context;
  const { time, launch, rank, a, aux } = events;
  const first = entries[0]!;
  const { subscribers } = header.ranks[rank[first]!]!;
  const isProcessors = aux[first] === subscribers;
  const capacity = isProcessors ? processorQueueCapacity(shape) : subscriberQueueCapacity(shape);
  if (entries.length <= capacity) return;
  // An entry may be written once the one a whole ring before it was opened.
  for (let i = capacity; i < entries.length; i++) {
    const entry = entries[i]!;
    const old = entries[i - capacity]!;
    const task = tasks.find(launch[old]!, rank[old]!, a[old]!);
    const opened = task < 0 ? -1 : tasks.steps.committed.row[task]!;
    const late = opened < 0 || time[opened]! > time[entry]! + header.clock.residualNs.sameRank;
    if (!late) continue;
    const use = `queue ${aux[entry]} holds more than its ${capacity} entries`;
    findings.at(entry, `${use}: the entry of task ${a[old]} is still unread`, old);
  }
}
