import type { LaunchRows } from '../compare/launches.ts';
import { taskSpans } from '../compare/task-spans.ts';
import { type World, worldOf } from '../compare/world.ts';
import { EventKind, warpsPerActorBlock } from '../trace/generated/events.ts';
import type { EventKindCode, Trace } from '../trace/trace.ts';
import type { Stretch } from './bars.ts';
import type { Paint } from './theme.ts';

/** What one processor did in one launch, ascending in time. */
export interface ProcessorRow {
  readonly rank: number;
  readonly processor: number;
  readonly resident: Stretch<Paint>;
  readonly work: readonly Stretch<Paint>[];
  /** COMBINE tasks that overlap GEMM tiles of `work`; those that do not are in `work`. */
  readonly aside: readonly Stretch<Paint>[];
}

const phases: readonly (readonly [Paint, EventKindCode, EventKindCode])[] = [
  ['gate', EventKind.GateBegin, EventKind.GateEnd],
  ['barrier', EventKind.BarrierArrive, EventKind.BarrierLeave],
  ['dispatch', EventKind.DispatchBegin, EventKind.DispatchEnd],
];

/** One row for each processor of the launch that recorded anything, by rank and block. */
export function processorRows(trace: Trace, launch: LaunchRows): readonly ProcessorRow[] {
  const world = worldOf(trace);
  const rows = emptyRows(trace, world, launch);
  for (const span of taskSpans(trace, world, launch)) {
    const stretch = { paint: span.op, begin: span.started, end: span.finished };
    const row = rows.get(id(span.rank, span.processor));
    (span.op === 'COMBINE' ? row?.aside : row?.work)?.push(stretch);
  }
  for (const row of rows.values()) partAside(row);
  addPhases(trace, launch, rows);
  const ordered = [...rows.entries()].sort(([left], [right]) => left - right);
  return ordered.map(([, row]) => ({
    ...row,
    work: row.work.sort((left, right) => left.begin - right.begin),
  }));
}

/** Of all COMBINE tasks, leaves those aside that overlap a tile. Tiles do not overlap one another, nor do COMBINE tasks. */
function partAside(row: GrowingRow): void {
  const tiles = row.work.toSorted((left, right) => left.begin - right.begin);
  const combines = row.aside.splice(0).sort((left, right) => left.begin - right.begin);
  let next = 0;
  for (const combine of combines) {
    while (next < tiles.length && tiles[next]!.end <= combine.begin) next++;
    const beside = next < tiles.length && tiles[next]!.begin < combine.end;
    (beside ? row.aside : row.work).push(combine);
  }
}

interface GrowingRow {
  readonly rank: number;
  readonly processor: number;
  readonly resident: Stretch<Paint>;
  readonly work: Stretch<Paint>[];
  readonly aside: Stretch<Paint>[];
}

function emptyRows(trace: Trace, world: World, launch: LaunchRows): Map<number, GrowingRow> {
  const { time, rank, actor } = trace.events;
  const rows = new Map<number, GrowingRow>();
  for (let at = launch.begin; at < launch.end; at++) {
    const owner = rank[at] ?? 0;
    const processor = Math.floor((actor[at] ?? 0) / warpsPerActorBlock);
    if (processor >= (world.processors[owner] ?? 0)) continue;
    const key = id(owner, processor);
    const begin = rows.get(key)?.resident.begin ?? time[at] ?? 0;
    const resident = { paint: 'resident', begin, end: time[at] ?? 0 } as const;
    rows.set(key, { rank: owner, processor, resident, work: [], aside: [] });
  }
  return rows;
}

function addPhases(trace: Trace, launch: LaunchRows, rows: Map<number, GrowingRow>): void {
  const { time, rank, actor, kind } = trace.events;
  const open = new Map<number, number>();
  for (let at = launch.begin; at < launch.end; at++) {
    const key = id(rank[at] ?? 0, Math.floor((actor[at] ?? 0) / warpsPerActorBlock));
    const row = rows.get(key);
    if (row === undefined) continue;
    for (const [paint, begin, end] of phases) {
      if (kind[at] === begin) open.set(key, time[at] ?? 0);
      const from = open.get(key);
      if (kind[at] !== end || from === undefined) continue;
      row.work.push({ paint, begin: from, end: time[at] ?? 0 });
      open.delete(key);
    }
  }
}

function id(rank: number, processor: number): number {
  return rank * 4294967296 + processor;
}
