import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { replayLaunch } from '../occupancy.ts';

/**
 * Counts the same time twice: the integral of the number of waiting tasks, replayed event by event, against the sum of the
 * tasks' own waits; and the integral of busy processors against the sum of the tasks' durations. Integers, so exact.
 */
export const w5Little: Monitor = {
  id: 'W5',
  title: 'the integral of queue length is the sum of waits; busy time is the work',
  kinds: ['TasksReady', 'TaskCommitted', 'TaskStarted', 'TaskFinished'],
  needs: 'all events',
  run(context, findings) {
    let waits = 0;
    let work = 0;
    for (const launch of context.launches) {
      const replayed = replay(context, launch);
      const summed = sum(context, launch);
      for (let rank = 0; rank < context.header.ranks.length; rank++) {
        const what = `launch ${launch} of rank ${rank}`;
        compare(findings, launch, rank, `waits in ${what}`, replayed.waits, summed.waits);
        compare(findings, launch, rank, `busy time in ${what}`, replayed.work, summed.work);
        waits += summed.waits[rank]!;
        work += summed.work[rank]!;
      }
    }
    return { note: `waits ${waits} ns, work ${work} ns` };
  },
};

interface Totals {
  readonly waits: Float64Array;
  readonly work: Float64Array;
}

function compare(
  findings: Findings,
  launch: number,
  rank: number,
  what: string,
  replayed: Float64Array,
  summed: Float64Array,
): void {
  if (replayed[rank] === summed[rank]) return;
  const text = `${what}: integral ${replayed[rank]} ns, sum over tasks ${summed[rank]} ns`;
  findings.absence(launch, rank, text, [`rank ${rank}`]);
}

function replay(context: CheckContext, launch: number): Totals {
  const ranks = context.header.ranks.length;
  const totals = { waits: new Float64Array(ranks), work: new Float64Array(ranks) };
  replayLaunch(context, launch, (rank, now, from, row) => {
    const ns = context.events.time[row]! - from;
    totals.waits[rank] = totals.waits[rank]! + now.waiting * ns;
    totals.work[rank] = totals.work[rank]! + now.busy * ns;
  });
  return totals;
}

/** Over tasks that have both ends. */
function sum({ tasks, events, header }: CheckContext, launch: number): Totals {
  const ranks = header.ranks.length;
  const totals = { waits: new Float64Array(ranks), work: new Float64Array(ranks) };
  const between = (from: number, to: number): number =>
    from < 0 || to < 0 ? 0 : events.time[to]! - events.time[from]!;
  const { ready, committed, started, finished } = tasks.steps;
  for (let task = 0; task < tasks.length; task++) {
    if (tasks.launch[task] !== launch) continue;
    const rank = tasks.rank[task]!;
    const wait = between(ready.row[task]!, committed.row[task]!);
    const busy = between(started.row[task]!, finished.row[task]!);
    totals.waits[rank] = totals.waits[rank]! + wait;
    totals.work[rank] = totals.work[rank]! + busy;
  }
  return totals;
}
