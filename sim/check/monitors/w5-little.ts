import { EventKind } from '../../trace/generated/events.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { replayLaunch } from '../occupancy.ts';

/**
 * Counts the same time twice: the integral of the number of waiting tasks, replayed event by event, against the sum of the
 * tasks' own waits; the integral of running tasks against the sum of their durations; and the integral of busy processors
 * against the union, processor by processor, of their tasks' intervals: less than the durations by the time that COMBINE tasks
 * run beside GEMM tiles. Integers, so exact.
 */
export const w5Little: Monitor = {
  id: 'W5',
  title: 'the integral of queue length is the sum of waits; busy time is the work',
  kinds: ['TasksReady', 'TaskCommitted', 'TaskStarted', 'TaskFinished'],
  needs: 'all events',
  run(context, findings) {
    let waits = 0;
    let work = 0;
    let busy = 0;
    for (const launch of context.launches) {
      const replayed = replay(context, launch);
      const summed = sum(context, launch);
      for (let rank = 0; rank < context.header.ranks.length; rank++) {
        const what = `launch ${launch} of rank ${rank}`;
        compare(findings, launch, rank, `waits in ${what}`, replayed.waits, summed.waits);
        compare(findings, launch, rank, `task time in ${what}`, replayed.work, summed.work);
        compare(findings, launch, rank, `busy time in ${what}`, replayed.busy, summed.busy);
        waits += summed.waits[rank]!;
        work += summed.work[rank]!;
        busy += summed.busy[rank]!;
      }
    }
    return { note: `waits ${waits} ns, work ${work} ns, busy ${busy} ns` };
  },
};

interface Totals {
  readonly waits: Float64Array;
  /** Of tasks. */
  readonly work: Float64Array;
  /** Of processors. */
  readonly busy: Float64Array;
}

function noTotals(ranks: number): Totals {
  const zeros = (): Float64Array => new Float64Array(ranks);
  return { waits: zeros(), work: zeros(), busy: zeros() };
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
  const totals = noTotals(context.header.ranks.length);
  replayLaunch(context, launch, (rank, now, from, row) => {
    const ns = context.events.time[row]! - from;
    totals.waits[rank] = totals.waits[rank]! + now.waiting * ns;
    totals.work[rank] = totals.work[rank]! + now.running * ns;
    totals.busy[rank] = totals.busy[rank]! + now.busy * ns;
  });
  return totals;
}

/** Over tasks that have both ends. */
function sum(context: CheckContext, launch: number): Totals {
  const { tasks, events, header } = context;
  const totals = noTotals(header.ranks.length);
  const between = (from: number, to: number): number =>
    from < 0 || to < 0 ? 0 : events.time[to]! - events.time[from]!;
  const { ready, committed, started, finished } = tasks.steps;
  for (let task = 0; task < tasks.length; task++) {
    if (tasks.launch[task] !== launch) continue;
    const rank = tasks.rank[task]!;
    const wait = between(ready.row[task]!, committed.row[task]!);
    const length = between(started.row[task]!, finished.row[task]!);
    totals.waits[rank] = totals.waits[rank]! + wait;
    totals.work[rank] = totals.work[rank]! + length;
  }
  addUnions(context, launch, totals.busy);
  return totals;
}

/** Adds the union of the intervals of every processor: starts ascend in time, so what is covered ends at one point. */
function addUnions(
  { tasks, events, index }: CheckContext,
  launch: number,
  busy: Float64Array,
): void {
  const { started, finished } = tasks.steps;
  const covered = new Float64Array(index.lanes.length);
  const [begin, end] = index.launchRange(launch);
  for (let row = begin; row < end; row++) {
    if (events.kind[row] !== EventKind.TaskStarted) continue;
    const task = tasks.taskOf[row]!;
    const finish = finished.row[task]!;
    if (finish < 0 || started.row[task] !== row) continue;
    const lane = index.laneOf[row]!;
    const from = Math.max(events.time[row]!, covered[lane]!);
    const to = events.time[finish]!;
    const rank = events.rank[row]!;
    busy[rank] = busy[rank]! + Math.max(0, to - from);
    covered[lane] = Math.max(covered[lane]!, to);
  }
}
