import { EventKind } from '../trace/generated/events.ts';
import type { Facts } from './facts.ts';
import { type Occupancy, replayLaunch } from './occupancy.ts';

/** A stretch of time in which tasks and processors waited for one another and nothing was committed. */
export interface Gap {
  readonly rank: number;
  readonly fromNs: number;
  readonly toNs: number;
  /** Row that ended it. */
  readonly row: number;
  /** Tasks and processors that waited when it began. */
  readonly tasks: number;
  readonly processors: number;
}

/** Which tasks wait, and which processors could take them. Asked at every event, so it makes no object. */
interface Pairing {
  readonly tasks: (now: Readonly<Occupancy>) => number;
  readonly processors: (now: Readonly<Occupancy>) => number;
}

/** WC-slot: uncommitted tasks and empty doorbell slots. */
export const slotPairing: Pairing = {
  tasks: (now) => now.waiting,
  processors: (now) => now.freeSlots,
};

/** WC-strict: unstarted tasks and idle processors. */
export const strictPairing: Pairing = {
  tasks: (now) => now.unstarted,
  processors: (now) => now.idle,
};

/**
 * Every stretch of a launch, while the scheduler is in its loop, in which both sides of the pairing are non-empty and no
 * commit falls. `visit` sees them in the order in which they end.
 */
export function forEachGap(
  facts: Facts,
  launch: number,
  pairing: Pairing,
  visit: (gap: Gap) => void,
): void {
  const { events, header } = facts;
  const since = new Float64Array(header.ranks.length).fill(-1);
  const opened: (readonly [tasks: number, processors: number])[] = header.ranks.map(() => [0, 0]);
  replayLaunch(facts, launch, (rank, now, from, row) => {
    const both = now.scheduling && pairing.tasks(now) > 0 && pairing.processors(now) > 0;
    if (both && since[rank]! < 0) {
      since[rank] = from;
      opened[rank] = [pairing.tasks(now), pairing.processors(now)];
    }
    const ended = !both || events.kind[row] === EventKind.TaskCommitted;
    if (since[rank]! < 0 || !ended) return;
    const toNs = both ? events.time[row]! : from;
    const [atFirst, free] = opened[rank]!;
    visit({ rank, fromNs: since[rank]!, toNs, row, tasks: atFirst, processors: free });
    since[rank] = -1;
  });
}

/**
 * Work conservation loss of a launch, per rank, in processor nanoseconds: the integral over time of
 * min(idle processors, tasks published and not started).
 */
export function workConservationLoss(facts: Facts, launch: number): Float64Array {
  const loss = new Float64Array(facts.header.ranks.length);
  replayLaunch(facts, launch, (rank, now, from, row) => {
    const pairs = Math.max(0, Math.min(now.idle, now.unstarted));
    loss[rank] = loss[rank]! + pairs * (facts.events.time[row]! - from);
  });
  return loss;
}
