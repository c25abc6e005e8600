import { EventKind } from '../trace/generated/events.ts';
import type { Facts } from './facts.ts';

/** How long a rank's scheduler may take to act, in ns, from its own records of one launch. */
export interface SchedulerLatency {
  /**
   * Its slowest sweep that found nothing: from the end of a recorded sweep to the first commit of the next, over the
   * sweeps in between.
   */
  readonly sweepNs: number;
  /** Its slowest batch: from one commit to the next, or to the end, of the same sweep. */
  readonly batchNs: number;
  /** The fastest doorbell seen: from rung to read, one store read by another block. */
  readonly hopNs: number;
  /** The slowest doorbell rung for a processor that waited for it: from rung to task started. */
  readonly wakeNs: number;
  /**
   * d of WC-slot(d): what becomes visible just after its word was read is read in the sweep after, and placed in the first
   * batch behind the loads of the third, which leave before it: three sweeps, two batches, the hop of the task's entry and of
   * the processor's status, twice the clocks' residual.
   */
  readonly slotNs: number;
  /** d of WC-strict(d): as above, and the wake of the processor. */
  readonly strictNs: number;
}

type Latencies = readonly (SchedulerLatency | undefined)[];

/** What was worked out for a trace before: three monitors ask for it. */
const known = new WeakMap<Facts['events'], Map<number, Latencies>>();

/** Latency of every rank's scheduler in a launch; undefined where it recorded no sweep. */
export function schedulerLatencies(facts: Facts, launch: number): Latencies {
  let launches = known.get(facts.events);
  if (launches === undefined) known.set(facts.events, (launches = new Map<number, Latencies>()));
  let latencies = launches.get(launch);
  if (latencies === undefined) launches.set(launch, (latencies = latenciesOf(facts, launch)));
  return latencies;
}

function latenciesOf(facts: Facts, launch: number): Latencies {
  const { header } = facts;
  const { sweep, batch } = sweeps(facts, launch);
  const { hop, wake } = doorbells(facts, launch);
  const residual = header.clock.residualNs.sameRank;
  return header.ranks.map((_, rank) => {
    if (sweep[rank] === 0 || !Number.isFinite(hop[rank]!)) return undefined;
    const sweepNs = Math.ceil(sweep[rank]!);
    const hopNs = Math.max(0, hop[rank]!);
    const wakeNs = Math.max(0, wake[rank]!);
    const batchNs = batch[rank]!;
    const slotNs = 3 * sweepNs + 2 * (batchNs + hopNs + residual);
    return { sweepNs, batchNs, hopNs, wakeNs, slotNs, strictNs: slotNs + wakeNs };
  });
}

/** Slowest empty sweep and slowest batch of each rank; zero where no sweep was recorded. */
function sweeps(
  { header, index, events }: Facts,
  launch: number,
): { readonly sweep: Float64Array; readonly batch: Float64Array } {
  const ranks = header.ranks.length;
  const sweep = new Float64Array(ranks);
  const batch = new Float64Array(ranks);
  // End of the last recorded sweep, and of the last commit since; -1: none.
  const ended = new Float64Array(ranks).fill(-1);
  const first = new Float64Array(ranks).fill(-1);
  const last = new Float64Array(ranks).fill(-1);
  const [begin, end] = index.launchRange(launch);
  for (let row = begin; row < end; row++) {
    const kind = events.kind[row];
    const rank = events.rank[row]!;
    const time = events.time[row]!;
    if (kind !== EventKind.TaskCommitted && kind !== EventKind.Sweep && kind !== EventKind.Bound) {
      continue;
    }
    if (last[rank]! >= 0) batch[rank] = Math.max(batch[rank]!, time - last[rank]!);
    if (kind === EventKind.TaskCommitted) {
      if (first[rank]! < 0) first[rank] = time;
      last[rank] = time;
      continue;
    }
    if (kind === EventKind.Sweep && ended[rank]! >= 0 && first[rank]! >= 0) {
      const empty = (first[rank]! - ended[rank]!) / (events.a[row]! + 1);
      sweep[rank] = Math.max(sweep[rank]!, empty);
    }
    ended[rank] = time;
    first[rank] = -1;
    last[rank] = -1;
  }
  return { sweep, batch };
}

/** Fastest doorbell and slowest wake of each rank. */
function doorbells(
  { index, events, tasks, header }: Facts,
  launch: number,
): { readonly hop: Float64Array; readonly wake: Float64Array } {
  const hop = new Float64Array(header.ranks.length).fill(Number.POSITIVE_INFINITY);
  const wake = new Float64Array(header.ranks.length);
  const { committed, started } = tasks.steps;
  // Tasks that a processor has read and not finished, by lane.
  const inHand = new Int32Array(index.lanes.length);
  const [begin, end] = index.launchRange(launch);
  for (let read = begin; read < end; read++) {
    const lane = index.laneOf[read]!;
    if (events.kind[read] === EventKind.TaskFinished) inHand[lane] = inHand[lane]! - 1;
    if (events.kind[read] !== EventKind.TaskConsumed) continue;
    inHand[lane] = inHand[lane]! + 1;
    const task = tasks.taskOf[read]!;
    const commit = committed.row[task]!;
    const start = started.row[task]!;
    if (commit < 0 || start < 0) continue;
    const rank = tasks.rank[task]!;
    const rung = events.time[commit]!;
    hop[rank] = Math.min(hop[rank]!, events.time[read]! - rung);
    // The processor waited if it had no other task in hand and what it did before ended before the doorbell was rung.
    const before = index.previous[read]!;
    const waited = inHand[lane] === 1 && before >= 0 && events.time[before]! <= rung;
    if (waited) wake[rank] = Math.max(wake[rank]!, events.time[start]! - rung);
  }
  return { hop, wake };
}
