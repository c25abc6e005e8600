import { readyCount, readyTicket, ticketModulus } from '../../trace/analysis/fields.ts';
import { groupRows } from '../../trace/analysis/row-groups.ts';
import { EventKind } from '../../trace/generated/events.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { isFifo } from '../policies.ts';

/** Tasks that a warp rings in one batch. */
const lanes = 32;

/**
 * A queue's tickets follow one another, over launches too. Where the policy serves a queue in order, tasks are committed
 * in the order of their entries, batch by batch. Nothing is said about two queues.
 */
export const s10QueueFifo: Monitor = {
  id: 'S10',
  title: 'FIFO per queue; no global FIFO is assumed',
  kinds: ['TasksReady', 'TaskCommitted'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, header } = context;
    const queues = groupRows(
      index.rowsOf('TasksReady'),
      (row) => events.rank[row]!,
      (row) => events.aux[row]!,
    );
    const places = commitPlaces(context);
    for (let group = 0; group < queues.count; group++) {
      const launches = byLaunch(context, queues.rows(group));
      let next: number | undefined;
      for (const entries of launches) {
        next = judgeTickets(context, findings, entries, next);
        if (isFifo(header.policy)) judgeCommits(context, findings, entries, places);
      }
    }
    if (isFifo(header.policy)) return undefined;
    return { note: `policy ${header.policy} reorders tasks it has read: only tickets are judged` };
  },
};

/** Splits a queue's entries by launch, each in ticket order. */
function byLaunch({ events }: CheckContext, rows: Uint32Array): Uint32Array[] {
  const launches: Uint32Array[] = [];
  let begin = 0;
  for (let end = 1; end <= rows.length; end++) {
    if (end < rows.length && events.launch[rows[end]!] === events.launch[rows[begin]!]) continue;
    launches.push(sortTickets(events.b, rows.slice(begin, end)));
    begin = end;
  }
  return launches;
}

/** Ticket order, where tickets may wrap: the smallest ticket comes after the largest gap. */
function sortTickets(b: Uint32Array, rows: Uint32Array): Uint32Array {
  rows.sort((x, y) => readyTicket(b[x]!) - readyTicket(b[y]!) || x - y);
  let begin = 0;
  let widest = readyTicket(b[rows[0]!]!) + ticketModulus - readyTicket(b[rows[rows.length - 1]!]!);
  for (let i = 1; i < rows.length; i++) {
    const gap = readyTicket(b[rows[i]!]!) - readyTicket(b[rows[i - 1]!]!);
    if (gap <= widest) continue;
    widest = gap;
    begin = i;
  }
  const sorted = new Uint32Array(rows.length);
  sorted.set(rows.subarray(begin));
  sorted.set(rows.subarray(0, begin), rows.length - begin);
  return sorted;
}

/** Tickets count up by one. Returns the next ticket. */
function judgeTickets(
  { events }: CheckContext,
  findings: Findings,
  entries: Uint32Array,
  next: number | undefined,
): number {
  let expected = next ?? readyTicket(events.b[entries[0]!]!);
  for (const row of entries) {
    const ticket = readyTicket(events.b[row]!);
    if (ticket !== expected) {
      findings.at(row, `ticket ${ticket} of queue ${events.aux[row]}, expected ${expected}`);
    }
    expected = (ticket + 1) % ticketModulus;
  }
  return expected;
}

/**
 * No commit of an entry comes a whole batch, or a sweep, before a commit of an entry ahead of it. Within a batch the
 * scheduler's lanes ring together, and their records have no order.
 */
function judgeCommits(
  context: CheckContext,
  findings: Findings,
  entries: Uint32Array,
  place: Int32Array,
): void {
  const { events, tasks } = context;
  let latest = -1;
  for (const row of entries) {
    const own = commitsOf(context, row);
    const early = own.find((commit) => latest >= 0 && place[commit]! + lanes <= place[latest]!);
    if (early !== undefined) {
      const queue = `queue ${events.aux[row]}`;
      const task = tasks.task[tasks.taskOf[early]!];
      findings.at(early, `task ${task} committed before an earlier entry of ${queue}`, latest);
    }
    for (const commit of own) if (commit > latest) latest = commit;
  }
}

/** Row of a commit -> its number on its rank, where every sweep begins a batch further on. */
function commitPlaces({ events, header }: CheckContext): Int32Array {
  const places = new Int32Array(events.kind.length);
  const next = new Int32Array(header.ranks.length);
  for (let row = 0; row < places.length; row++) {
    const rank = events.rank[row]!;
    if (events.kind[row] === EventKind.TaskCommitted) {
      places[row] = next[rank]!;
      next[rank] = next[rank]! + 1;
    } else if (events.kind[row] === EventKind.Sweep) {
      next[rank] = next[rank]! + lanes;
    }
  }
  return places;
}

function commitsOf({ events, tasks }: CheckContext, row: number): number[] {
  const commits: number[] = [];
  const launch = events.launch[row]!;
  const rank = events.rank[row]!;
  for (let i = 0; i < readyCount(events.b[row]!); i++) {
    const task = tasks.find(launch, rank, events.a[row]! + i);
    const commit = tasks.steps.committed.row[task]!;
    if (commit >= 0) commits.push(commit);
  }
  return commits;
}
