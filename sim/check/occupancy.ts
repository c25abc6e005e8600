import { readyCount, subscriberInterrupt } from '../trace/analysis/fields.ts';
import { EventKind, warpsPerActorBlock } from '../trace/generated/events.ts';
import type { Facts } from './facts.ts';

/** How many tasks wait and processors could take them, on one rank at one time. */
export interface Occupancy {
  /** Tasks published and not committed. */
  waiting: number;
  /** Tasks published and not started: waiting ones and those in mailboxes. */
  unstarted: number;
  /** Processors whose doorbell slot is empty: consumed (eager) or finished (lazy) everything rung. */
  freeSlots: number;
  /** Processors past their dispatch that run no task. */
  idle: number;
  /** Processors that run a task, or a GEMM tile and a COMBINE beside it. */
  busy: number;
  /** Tasks that run: more than `busy` where COMBINE tasks run beside tiles. */
  running: number;
  /** The scheduler is in its loop. */
  scheduling: boolean;
}

/**
 * Replays a launch in time order and calls `step` for every stretch of a rank in which nothing changes, with the row
 * that ends it. A rank's last stretch ends with its last row.
 */
export function replayLaunch(
  facts: Facts,
  launch: number,
  step: (rank: number, now: Readonly<Occupancy>, from: number, row: number) => void,
): void {
  const { events, header, index } = facts;
  const ranks = header.ranks.map((_, rank) => emptyRank(facts, rank));
  const runs = header.ranks.map((_, rank) => new Int32Array(facts.processors(rank) + 1));
  const last = new Float64Array(ranks.length).fill(-1);
  const [begin, end] = index.launchRange(launch);
  for (let row = begin; row < end; row++) {
    const rank = events.rank[row]!;
    const now = ranks[rank]!;
    if (last[rank]! >= 0) step(rank, now, last[rank]!, row);
    last[rank] = events.time[row]!;
    change(facts, now, runs[rank]!, row);
  }
}

/** Eager mailboxes are all free when the launch begins; lazy ones after their processor's dispatch. */
function emptyRank(facts: Facts, rank: number): Occupancy {
  const freeSlots = facts.header.readiness === 'eager' ? facts.processors(rank) : 0;
  return { waiting: 0, unstarted: 0, freeSlots, idle: 0, busy: 0, running: 0, scheduling: false };
}

/** Applies one event. `runs`: tasks that each processor of the rank runs. */
function change({ events, header }: Facts, now: Occupancy, runs: Int32Array, row: number): void {
  const eager = header.readiness === 'eager';
  switch (events.kind[row]) {
    case EventKind.TasksReady:
      now.waiting += readyCount(events.b[row]!);
      now.unstarted += readyCount(events.b[row]!);
      break;
    case EventKind.TaskCommitted:
      now.waiting--;
      now.freeSlots--;
      break;
    case EventKind.TaskConsumed:
      if (eager) now.freeSlots++;
      break;
    case EventKind.DispatchEnd:
      now.idle++;
      if (!eager) now.freeSlots++;
      break;
    case EventKind.TaskStarted:
      now.unstarted--;
      runTask(now, runs, blockOf(events.actor[row]!), 1);
      break;
    case EventKind.TaskFinished:
      runTask(now, runs, blockOf(events.actor[row]!), -1);
      if (!eager) now.freeSlots++;
      break;
    case EventKind.Interrupt:
      if (events.aux[row]! < subscriberInterrupt) now.freeSlots--;
      break;
    case EventKind.Bound:
      now.scheduling = !now.scheduling;
      break;
    default:
  }
}

function blockOf(actor: number): number {
  return Math.floor(actor / warpsPerActorBlock);
}

/** A block starts (1) or finishes (-1) a task: it is busy from its first open task until none is open. */
function runTask(now: Occupancy, runs: Int32Array, block: number, by: 1 | -1): void {
  const before = runs[block]!;
  const after = before + by;
  const turned = (after > 0 ? 1 : 0) - (before > 0 ? 1 : 0);
  runs[block] = after;
  now.running += by;
  now.busy += turned;
  now.idle -= turned;
}
