import { subscriberHand } from '../../moe/hand.ts';
import { readyCount } from '../../trace/analysis/fields.ts';
import { groupRows } from '../../trace/analysis/row-groups.ts';
import type { CheckContext } from '../context.ts';
import { CountTree, lowerBound } from '../count-tree.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import { schedulerLatencies } from '../latency.ts';
import type { Monitor } from '../monitor.ts';
import { isBounded } from '../policies.ts';

/** Most entries that the scheduler opens at a time, one a lane. */
const hand = 32;

/**
 * A visible entry is not starved. Tasks published later than it (by more than the scheduler's latency) and committed
 * before its last task pass it. The scheduler opens a hand of up to 32 entries at a time, at least h of every queue, and each
 * hand is used up before the next: with k entries of its own queue open when it becomes visible, its own included, at most
 * 32 (k / h + 2) entries of the largest size may pass.
 */
export const w6BoundedWait: Monitor = {
  id: 'W6',
  title: 'bounded wait from visible to committed',
  kinds: ['TasksReady', 'TaskCommitted', 'Bound', 'Sweep'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, header, launches } = context;
    const ready = index.rowsOf('TasksReady');
    const key = (row: number): number => pairKey(events.launch[row]!, events.rank[row]!);
    const entries = groupRows(ready, key, () => 0);
    const commits = groupRows(index.rowsOf('TaskCommitted'), key, () => 0);
    let worst = 0;
    for (const launch of launches) {
      const latencies = schedulerLatencies(context, launch);
      for (let rank = 0; rank < header.ranks.length; rank++) {
        const published = entries.find(pairKey(launch, rank), 0);
        const committed = commits.find(pairKey(launch, rank), 0);
        if (published < 0 || committed < 0) continue;
        const share = judgeRank(context, findings, {
          entries: entries.rows(published),
          commits: commits.rows(committed),
          slackNs: latencies[rank]?.slotNs ?? 0,
        });
        worst = Math.max(worst, share);
      }
    }
    const note = `largest share of the bound used: ${Math.round(worst * 100)} %`;
    if (isBounded(header.policy)) return { note };
    return { note, notPromised: `policy ${header.policy} lets tasks pass others` };
  },
};

/** One rank in one launch. */
interface Schedule {
  /** Queue entries in the order of their times. */
  readonly entries: Uint32Array;
  readonly commits: Uint32Array;
  readonly slackNs: number;
}

/** Returns the largest share of its bound that an entry used. */
function judgeRank(context: CheckContext, findings: Findings, schedule: Schedule): number {
  const { events, header } = context;
  const { entries, commits, slackNs } = schedule;
  const { time, aux, a, b, rank } = events;
  const { subscribers } = header.ranks[rank[entries[0]!]!]!;
  // The processors' queue has no fewer lanes than a subscriber's.
  const ofQueue = subscriberHand(subscribers);
  const largest = entries.reduce((most, row) => Math.max(most, readyCount(b[row]!)), 1);
  const last = Int32Array.from(entries, (row) => lastCommit(context, row));
  const open = openEntries(context, schedule, last, subscribers + 1);
  const passed = new CountTree(commits.length);
  let worst = 0;
  // From the last entry back, so that the tree holds the commits of exactly those published later.
  let later = entries.length;
  for (let i = entries.length - 1; i >= 0; i--) {
    const row = entries[i]!;
    while (later > 0 && time[entries[later - 1]!]! > time[row]! + slackNs) {
      later--;
      for (const commit of commitsOf(context, entries[later]!)) {
        passed.add(lowerBound(commits, commit));
      }
    }
    if (last[i]! < 0) continue;
    const passers = passed.below(lowerBound(commits, last[i]!));
    const bound = hand * (open[i]! / ofQueue + 2) * largest;
    worst = Math.max(worst, passers / bound);
    if (passers <= bound) continue;
    const what = `entry of task ${a[row]} of queue ${aux[row]}`;
    findings.at(last[i]!, `${what} was passed by ${passers} later tasks, bound ${bound}`, row);
  }
  return worst;
}

/** For every entry, how many of its queue were open (not all committed) when it was published, itself included. */
function openEntries(
  { events }: CheckContext,
  schedule: Schedule,
  last: Int32Array,
  queues: number,
): Uint32Array {
  const open = new Uint32Array(schedule.entries.length);
  for (let queue = 0; queue < queues; queue++) {
    // Last commit of any entry of the queue so far: it never falls, so entries past it are closed.
    const latest: number[] = [];
    for (let i = 0; i < open.length; i++) {
      const row = schedule.entries[i]!;
      if (events.aux[row] !== queue) continue;
      let low = 0;
      let high = latest.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (latest[middle]! <= events.time[row]!) low = middle + 1;
        else high = middle;
      }
      open[i] = latest.length - low + 1;
      const until = last[i]! < 0 ? Number.POSITIVE_INFINITY : events.time[last[i]!]!;
      latest.push(Math.max(until, latest[latest.length - 1] ?? 0));
    }
  }
  return open;
}

/** Row of the last commit of an entry's tasks; -1 when none was committed (S1 says so). */
function lastCommit(context: CheckContext, row: number): number {
  return commitsOf(context, row).reduce((x, y) => Math.max(x, y), -1);
}

function commitsOf({ events, tasks }: CheckContext, row: number): number[] {
  const commits: number[] = [];
  for (let i = 0; i < readyCount(events.b[row]!); i++) {
    const task = tasks.find(events.launch[row]!, events.rank[row]!, events.a[row]! + i);
    const commit = tasks.steps.committed.row[task]!;
    if (commit >= 0) commits.push(commit);
  }
  return commits;
}
