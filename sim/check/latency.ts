import { EventKind } from '../trace/generated/events.ts';
import type { Facts } from './facts.ts';

/** How long a rank's scheduler may take to act, in ns, from its own records of one launch. */
export interface SchedulerLatency {
  /** Its slowest sweep: time between two recorded sweeps over the sweeps in it, empty ones too. */
  readonly sweepNs: number;
  /** The fastest doorbell seen: from rung to read, one store read by another block. */
  readonly hopNs: number;
  /** The slowest doorbell rung for a processor that waited for it: from rung to task started. */
  readonly wakeNs: number;
  /**
   * d of WC-slot(d): what becomes visible just after its word was read is read in the sweep after, and placed by the end
   * of it: two sweeps, the hop of the task's entry and of the processor's status, and twice the clocks' residual.
   */
  readonly slotNs: number;
  /** d of WC-strict(d): as above, and the wake of the processor. */
  readonly strictNs: number;
}

/** Latency of every rank's scheduler in a launch; undefined where it recorded no sweep. */
export function schedulerLatencies(
  facts: Facts,
  launch: number,
): readonly (SchedulerLatency | undefined)[] {
  const { header, index, events } = facts;
  const ranks = header.ranks.length;
  const sweep = new Float64Array(ranks);
  const since = new Float64Array(ranks).fill(-1);
  const [begin, end] = index.launchRange(launch);
  for (let row = begin; row < end; row++) {
    const kind = events.kind[row];
    if (kind !== EventKind.Sweep && kind !== EventKind.Bound) continue;
    const rank = events.rank[row]!;
    if (kind === EventKind.Sweep && since[rank]! >= 0) {
      const sweeps = events.a[row]! + 1;
      sweep[rank] = Math.max(sweep[rank]!, (events.time[row]! - since[rank]!) / sweeps);
    }
    since[rank] = events.time[row]!;
  }
  const { hop, wake } = doorbells(facts, launch);
  const residual = header.clock.residualNs.sameRank;
  return header.ranks.map((_, rank) => {
    if (sweep[rank] === 0 || hop[rank] === Number.POSITIVE_INFINITY) return undefined;
    const sweepNs = Math.ceil(sweep[rank]!);
    const hopNs = Math.max(0, hop[rank]!);
    const wakeNs = Math.max(0, wake[rank]!);
    const slotNs = 2 * (sweepNs + hopNs + residual);
    return { sweepNs, hopNs, wakeNs, slotNs, strictNs: slotNs + wakeNs };
  });
}

/** Fastest doorbell and slowest wake of each rank. */
function doorbells(
  { index, events, tasks, header }: Facts,
  launch: number,
): { readonly hop: Float64Array; readonly wake: Float64Array } {
  const hop = new Float64Array(header.ranks.length).fill(Number.POSITIVE_INFINITY);
  const wake = new Float64Array(header.ranks.length);
  const { committed, consumed, started } = tasks.steps;
  for (let task = 0; task < tasks.length; task++) {
    const commit = committed.row[task]!;
    const read = consumed.row[task]!;
    const start = started.row[task]!;
    if (tasks.launch[task] !== launch || commit < 0 || read < 0 || start < 0) continue;
    const rank = tasks.rank[task]!;
    const rung = events.time[commit]!;
    hop[rank] = Math.min(hop[rank]!, events.time[read]! - rung);
    // What the processor did before it read the doorbell: it waited if that ended before the doorbell was rung.
    const before = index.previous[read]!;
    const waited = before >= 0 && events.time[before]! <= rung;
    if (waited) wake[rank] = Math.max(wake[rank]!, events.time[start]! - rung);
  }
  return { hop, wake };
}
