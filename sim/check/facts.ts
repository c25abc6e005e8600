import { gemm0Cols, gemm0Tasks, type Shape, shapeOf } from '../moe/layout.ts';
import { type Placement, placementOf } from '../moe/placement.ts';
import type { Scenario } from '../moe/scenario.ts';
import { type LaunchRows, taskCounts } from '../moe/task-set.ts';
import { type EventIndex, indexEvents } from '../trace/analysis/event-index.ts';
import { subscriberInterrupt } from '../trace/analysis/fields.ts';
import { groupRows, type RowGroups } from '../trace/analysis/row-groups.ts';
import { type TaskTable, tabulateTasks } from '../trace/analysis/task-table.ts';
import { warpsPerActorBlock } from '../trace/generated/events.ts';
import { processorsOf } from '../trace/rank-actors.ts';
import type { EventColumns, Trace, TraceHeader } from '../trace/trace.ts';

/** Events matched by what they name, built once and shared by the monitors. */
export interface Matches {
  /** `SignalSent` by (launch and destination, flag). */
  readonly sent: RowGroups;
  /** `SignalObserved` by (launch and rank, flag). */
  readonly observed: RowGroups;
  /** `TaskCommitted` and `Interrupt` of a processor by (rank and processor, sequence): doorbells rung. */
  readonly rung: RowGroups;
  /** `TaskConsumed` by (rank and processor, sequence). */
  readonly consumed: RowGroups;
  /** `CellArrive` by (launch and source, expert). */
  readonly cells: RowGroups;
  /** `TaskFinished` of GEMM0 by (launch and rank, row block). */
  readonly rowBlocks: RowGroups;
  /** `Interrupt` by (launch and rank, actor interrupted). */
  readonly interrupts: RowGroups;
  /** `Exit` by (launch and rank, actor). */
  readonly exits: RowGroups;
}

/** What is known before any monitor runs: the trace, indexes over it, and what the scenario says should happen. */
export interface Facts {
  readonly trace: Trace;
  readonly header: TraceHeader;
  readonly events: EventColumns;
  readonly scenario: Scenario;
  readonly shape: Shape;
  readonly placement: Placement;
  readonly index: EventIndex;
  readonly tasks: TaskTable;
  readonly matches: Matches;
  /** Recorded launches, ascending. */
  readonly launches: readonly number[];
  /** Kept rows of a launch, `[source rank][global expert]`. */
  rowsOf(launch: number): LaunchRows;
  /** Kept rows from `source` to a global expert; -1 when there is no such launch, rank or expert. */
  kept(launch: number, source: number, expert: number): number;
  /** Processor blocks of a rank. */
  processors(rank: number): number;
  /** Tasks that a rank must run in a launch. */
  taskTotal(launch: number, rank: number): number;
}

/** One 32-bit key for two numbers below 2^16: (launch, rank) or (rank, processor). */
export function pairKey(high: number, low: number): number {
  return high * 65_536 + low;
}

/** Builds the facts. The scenario in the header must be a resolved one (`scenarioOf`). */
export function factsOf(trace: Trace, scenario: Scenario): Facts {
  const { header, events } = trace;
  const shape = shapeOf(scenario);
  const placement = placementOf(scenario);
  const index = indexEvents(trace);
  const rowsOf = (launch: number): LaunchRows => header.rows[launch - header.firstLaunch] ?? [];
  const totals = header.rows.map((rows) =>
    header.ranks.map((_, rank) => taskCounts(shape, placement, rows, rank).total),
  );
  return {
    trace,
    header,
    events,
    scenario,
    shape,
    placement,
    index,
    tasks: tabulateTasks(index),
    matches: matchEvents(index, shape),
    launches: header.rows.map((_, i) => header.firstLaunch + i),
    rowsOf,
    kept: (launch, source, expert) => rowsOf(launch)[source]?.[expert] ?? -1,
    processors: (rank) => (header.ranks[rank] ? processorsOf(header.ranks[rank]) : 0),
    taskTotal: (launch, rank) => totals[launch - header.firstLaunch]?.[rank] ?? 0,
  };
}

function matchEvents(index: EventIndex, shape: Shape): Matches {
  const { launch, rank, actor, aux, a, b } = index.trace.events;
  const { lanes, laneOf } = index;
  const launchAndRank = (row: number): number => pairKey(launch[row]!, rank[row]!);
  const flag = (row: number): number => a[row]!;
  const block = (row: number): number => lanes[laneOf[row]!]!.index;
  const gemm0Limit = gemm0Tasks(shape);
  const cols = gemm0Cols(shape);
  return {
    sent: groupRows(index.rowsOf('SignalSent'), (row) => pairKey(launch[row]!, aux[row]!), flag),
    observed: groupRows(index.rowsOf('SignalObserved'), launchAndRank, flag),
    rung: groupRows(
      ringRows(index),
      (row) => pairKey(rank[row]!, aux[row]!),
      (row) => b[row]!,
    ),
    consumed: groupRows(
      index.rowsOf('TaskConsumed'),
      (row) => pairKey(rank[row]!, block(row)),
      (row) => b[row]!,
    ),
    cells: groupRows(index.rowsOf('CellArrive'), launchAndRank, (row) => a[row]!),
    rowBlocks: groupRows(
      index.rowsOf('TaskFinished').filter((row) => a[row]! < gemm0Limit),
      launchAndRank,
      (row) => Math.floor(a[row]! / cols),
    ),
    interrupts: groupRows(index.rowsOf('Interrupt'), launchAndRank, (row) =>
      interruptedActor(index, row),
    ),
    exits: groupRows(index.rowsOf('Exit'), launchAndRank, (row) => actor[row]!),
  };
}

/** Actor that an `Interrupt` is for. */
function interruptedActor({ trace }: EventIndex, row: number): number {
  const aux = trace.events.aux[row]!;
  if (aux < subscriberInterrupt) return aux * warpsPerActorBlock;
  const processors = processorsOf(trace.header.ranks[trace.events.rank[row]!]!);
  return processors * warpsPerActorBlock + 1 + aux - subscriberInterrupt;
}

/** Rows that ring a processor's doorbell, ascending. */
function ringRows(index: EventIndex): Uint32Array {
  const { aux } = index.trace.events;
  const commits = index.rowsOf('TaskCommitted');
  const exits = index.rowsOf('Interrupt').filter((row) => aux[row]! < subscriberInterrupt);
  const rows = new Uint32Array(commits.length + exits.length);
  rows.set(commits);
  rows.set(exits, commits.length);
  return rows.sort();
}
