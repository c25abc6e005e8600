import { EventKind, type EventKindName, warpsPerActorBlock } from '../generated/events.ts';
import { processorsOf } from '../rank-actors.ts';
import type { RankActors, Trace } from '../trace.ts';

export type ActorRole = 'processor' | 'scheduler' | 'subscriber';

/** One actor of one rank, over all launches: its records have a program order. */
export interface Lane {
  readonly rank: number;
  /** `processor * 32`, or `processors * 32 + warp` of the OS block. */
  readonly actor: number;
  readonly role: ActorRole;
  /** Processors and subscribers from 0. Scheduler: 0. */
  readonly index: number;
}

/** An actor that recorded something. */
export interface RecordedLane extends Lane {
  /** Its first row. */
  readonly first: number;
}

/** Who did what in which order: indexes over the rows of a trace, built in one pass. */
export interface EventIndex {
  readonly trace: Trace;
  /** Every actor that recorded anything, in order of first appearance. */
  readonly lanes: readonly RecordedLane[];
  /** Row -> number of its lane. */
  readonly laneOf: Uint32Array;
  /** Row -> the lane's row before it; -1 at the first. Within a lane, row order is program order. */
  readonly previous: Int32Array;
  /** Row -> the lane's row after it; -1 at the last. */
  readonly next: Int32Array;
  /** Rows of a kind, ascending. */
  rowsOf(kind: EventKindName): Uint32Array;
  /** Rows [begin, end) of a launch. */
  launchRange(launch: number): readonly [begin: number, end: number];
  /** Number of the lane of an actor, -1 when it recorded nothing. */
  laneAt(rank: number, actor: number): number;
}

/** Role of an actor: the OS block comes after the last processor. */
export function laneFor(actors: RankActors, rank: number, actor: number): Lane {
  const block = Math.floor(actor / warpsPerActorBlock);
  const warp = actor % warpsPerActorBlock;
  if (block < processorsOf(actors)) return { rank, actor, role: 'processor', index: block };
  if (warp === 0) return { rank, actor, role: 'scheduler', index: 0 };
  return { rank, actor, role: 'subscriber', index: warp - 1 };
}

/** A lane for people: `rank 1 processor 7`. */
export function laneName(lane: Lane): string {
  const name = `rank ${lane.rank} ${lane.role}`;
  return lane.role === 'scheduler' ? name : `${name} ${lane.index}`;
}

export function indexEvents(trace: Trace): EventIndex {
  const { ranks } = trace.header;
  const base = new Uint32Array(ranks.length + 1);
  for (let r = 0; r < ranks.length; r++) {
    base[r + 1] = base[r]! + (processorsOf(ranks[r]!) + 1) * warpsPerActorBlock;
  }
  const laneNumbers = new Int32Array(base[ranks.length]!).fill(-1);
  const { lanes, laneOf, previous, next } = linkLanes(trace, base, laneNumbers);
  const kinds = groupKinds(trace.events.kind);
  const { launch } = trace.events;
  return {
    trace,
    lanes,
    laneOf,
    previous,
    next,
    rowsOf: (kind) => kinds[EventKind[kind]]!,
    launchRange: (number) => [lowerBound(launch, number), lowerBound(launch, number + 1)],
    laneAt: (rank, actor) => {
      const at = base[rank]! + actor;
      return at < base[rank + 1]! ? laneNumbers[at]! : -1;
    },
  };
}

function linkLanes(
  trace: Trace,
  base: Uint32Array,
  laneNumbers: Int32Array,
): Pick<EventIndex, 'lanes' | 'laneOf' | 'previous' | 'next'> {
  const { header, events } = trace;
  const { rank, actor } = events;
  const length = rank.length;
  const lanes: RecordedLane[] = [];
  const laneOf = new Uint32Array(length);
  const previous = new Int32Array(length).fill(-1);
  const next = new Int32Array(length).fill(-1);
  const last = new Int32Array(laneNumbers.length).fill(-1);
  for (let row = 0; row < length; row++) {
    const at = base[rank[row]!]! + actor[row]!;
    let lane = laneNumbers[at]!;
    if (lane < 0) {
      lane = lanes.length;
      laneNumbers[at] = lane;
      const who = laneFor(header.ranks[rank[row]!]!, rank[row]!, actor[row]!);
      lanes.push({ ...who, first: row });
    }
    laneOf[row] = lane;
    const before = last[lane]!;
    previous[row] = before;
    if (before >= 0) next[before] = row;
    last[lane] = row;
  }
  return { lanes, laneOf, previous, next };
}

/** Rows of every kind code, by a counting sort. */
function groupKinds(kind: Uint8Array): Uint32Array[] {
  const counts = new Uint32Array(256);
  for (const code of kind) counts[code] = counts[code]! + 1;
  const groups = Array.from(counts, (count) => new Uint32Array(count));
  const filled = new Uint32Array(256);
  for (let row = 0; row < kind.length; row++) {
    const code = kind[row]!;
    groups[code]![filled[code]!] = row;
    filled[code] = filled[code]! + 1;
  }
  return groups;
}

/** First row whose launch is at least `number`; rows are sorted by launch. */
function lowerBound(launch: Uint32Array, number: number): number {
  let low = 0;
  let high = launch.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (launch[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
