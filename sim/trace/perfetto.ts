import { type EventIndex, indexEvents } from './analysis/event-index.ts';
import { readyCount } from './analysis/fields.ts';
import { groupRows } from './analysis/row-groups.ts';
import { EventKind, type EventKindName, eventFields } from './generated/events.ts';
import { type ActorTrack, PerfettoWriter } from './perfetto-writer.ts';
import type { Trace } from './trace.ts';

/** Nanoseconds between launches, which have no common clock and are laid end to end. */
const launchGapNs = 1000;

/** Kinds that open and close a slice on their actor's track. */
const slices: Readonly<Partial<Record<EventKindName, { begin: string } | 'end'>>> = {
  GateBegin: { begin: 'gate' },
  GateEnd: 'end',
  BarrierArrive: { begin: 'barrier' },
  BarrierLeave: 'end',
  DispatchBegin: { begin: 'dispatch' },
  DispatchEnd: 'end',
  TaskStarted: { begin: 'task' },
  TaskFinished: 'end',
};

/**
 * The trace in Perfetto's track-event format (protobuf), for ui.perfetto.dev: a process per rank, a thread per actor,
 * slices for gate, barrier, dispatch and tasks, instants for all other events with their fields, arrows from doorbells
 * and signals to their readers, and counters of waiting and running tasks. `taskName` names a task index.
 *
 * Slices of one track must nest, and tasks that overlap do not. So of two that overlap on a processor one that
 * `isAside` (COMBINE, beside a GEMM tile or another COMBINE) is on a second track of that processor.
 */
export function exportPerfetto(
  trace: Trace,
  taskName: (task: number) => string = (task) => `task ${task}`,
  isAside: (task: number) => boolean = () => false,
): Uint8Array {
  const index = indexEvents(trace);
  const writer = new PerfettoWriter();
  trace.header.ranks.forEach((_, rank) => writer.process(rank, `rank ${rank}`));
  const aside = rowsAside(index, isAside);
  for (const [number, lane] of index.lanes.entries()) {
    const name = lane.role === 'scheduler' ? lane.role : `${lane.role} ${lane.index}`;
    writer.thread(lane.rank, lane.actor, 'main', name);
    if (aside.lanes[number] === 1) writer.thread(lane.rank, lane.actor, 'aside', `${name}, aside`);
  }
  const offsets = launchOffsets(trace);
  const flows = flowNumbers(index);
  const { events } = trace;
  const counters = trace.header.ranks.map(() => ({ waiting: 0, running: 0 }));
  for (let row = 0; row < events.kind.length; row++) {
    const rank = events.rank[row]!;
    const time = events.time[row]! + offsets.get(events.launch[row]!)!;
    const track = aside.rows[row] === 1 ? 'aside' : 'main';
    writeEvent(writer, trace, row, track, time, flows, taskName);
    const now = counters[rank]!;
    switch (events.kind[row]) {
      case EventKind.TasksReady:
        now.waiting += readyCount(events.b[row]!);
        writer.counter(rank, 'tasks waiting', time, Math.max(0, now.waiting));
        break;
      case EventKind.TaskCommitted:
        now.waiting--;
        writer.counter(rank, 'tasks waiting', time, Math.max(0, now.waiting));
        break;
      case EventKind.TaskStarted:
      case EventKind.TaskFinished:
        now.running += events.kind[row] === EventKind.TaskStarted ? 1 : -1;
        writer.counter(rank, 'tasks running', time, Math.max(0, now.running));
        break;
      default:
    }
  }
  return writer.bytes();
}

function writeEvent(
  writer: PerfettoWriter,
  { events }: Trace,
  row: number,
  track: ActorTrack,
  time: number,
  flows: Flows,
  taskName: (task: number) => string,
): void {
  const rank = events.rank[row]!;
  const actor = events.actor[row]!;
  const kind = kindNames[events.kind[row]! - 1]!;
  const slice = slices[kind];
  if (slice === 'end') {
    writer.end(rank, actor, track, time);
    return;
  }
  const task = kind.startsWith('Task') ? taskName(events.a[row]!) : undefined;
  const name = slice ? (kind === 'TaskStarted' ? task! : slice.begin) : kind;
  const fields = fieldsOf(kind, events.aux[row]!, events.a[row]!, events.b[row]!);
  const details: [string, number | string][] = [['launch', events.launch[row]!], ...fields];
  if (task !== undefined && !slice) details.push(['name', task]);
  writer.event(slice ? 'begin' : 'instant', rank, actor, track, time, name, details, {
    starts: flows.starts[row]!,
    ends: flows.ends[row]!,
  });
}

const kindNames = Object.keys(eventFields) as EventKindName[];

/** Fields of an event that its kind uses, by name. */
function fieldsOf(kind: EventKindName, aux: number, a: number, b: number): [string, number][] {
  const [auxName, aName, bName] = eventFields[kind];
  const fields: [string, number][] = [
    [auxName, aux],
    [aName, a],
    [bName, b],
  ];
  return fields.filter(([name]) => name !== '');
}

/** Where each launch begins when launches are laid end to end. */
function launchOffsets({ events }: Trace): Map<number, number> {
  const offsets = new Map<number, number>();
  let offset = 0;
  for (let row = 0; row < events.launch.length; row++) {
    const launch = events.launch[row]!;
    if (!offsets.has(launch)) {
      if (row > 0) offset += events.time[row - 1]! + launchGapNs;
      offsets.set(launch, offset);
    }
  }
  return offsets;
}

/** Starts and finishes of tasks that run aside (1) by row, and lanes that have any. */
interface Asides {
  readonly rows: Uint8Array;
  readonly lanes: Uint8Array;
}

/**
 * Tells which tasks go aside. A processor runs two at most, so of a chain of overlapping tasks every other one does: those among
 * which all are tasks that may.
 */
function rowsAside(
  { trace, laneOf, lanes }: EventIndex,
  isAside: (task: number) => boolean,
): Asides {
  const { kind, a, launch } = trace.events;
  const found: Asides = { rows: new Uint8Array(kind.length), lanes: new Uint8Array(lanes.length) };
  const chains = lanes.map((): Chain => ({ launch: -1, open: new Map(), tracks: [[], []] }));
  const close = (lane: number): void => {
    const chain = chains[lane]!;
    const may = chain.tracks.map((rows) => rows.every((row) => isAside(a[row]!)));
    const second = may[1]! || !may[0]! ? 1 : 0;
    if (chain.tracks[1].length > 0) {
      found.lanes[lane] = 1;
      for (const row of chain.tracks[second]) found.rows[row] = 1;
    }
    chain.open.clear();
    chain.tracks = [[], []];
  };
  for (let row = 0; row < kind.length; row++) {
    if (kind[row] !== EventKind.TaskStarted && kind[row] !== EventKind.TaskFinished) continue;
    const lane = laneOf[row]!;
    const chain = chains[lane]!;
    if (chain.launch !== launch[row]) close(lane);
    chain.launch = launch[row]!;
    const task = a[row]!;
    if (kind[row] === EventKind.TaskFinished) {
      const track = chain.open.get(task);
      if (track === undefined) continue;
      chain.tracks[track]!.push(row);
      chain.open.delete(task);
      if (chain.open.size === 0) close(lane);
      continue;
    }
    const track = [...chain.open.values()].includes(0) ? 1 : 0;
    chain.open.set(task, track);
    chain.tracks[track].push(row);
  }
  for (let lane = 0; lane < lanes.length; lane++) close(lane);
  return found;
}

/** Tasks of a processor each of which overlaps the next: what is open, by task its track, and all starts and finishes by track. */
interface Chain {
  launch: number;
  readonly open: Map<number, number>;
  tracks: [number[], number[]];
}

/** Arrow numbers by row; 0: none. */
interface Flows {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** An arrow from every signal to its observation, and from every doorbell to the task it started. */
function flowNumbers(index: EventIndex): Flows {
  const { launch, rank, aux, a, kind } = index.trace.events;
  const starts = new Uint32Array(kind.length);
  const ends = new Uint32Array(kind.length);
  let flow = 0;
  const link = (
    from: EventKindName,
    to: EventKindName,
    receiver: (row: number) => number,
    key: Uint32Array,
  ): void => {
    const readers = groupRows(
      index.rowsOf(to),
      (row) => launch[row]! * 65_536 + rank[row]!,
      (row) => key[row]!,
    );
    for (const row of index.rowsOf(from)) {
      const reader = readers.first(launch[row]! * 65_536 + receiver(row), key[row]!);
      if (reader < 0) continue;
      flow++;
      starts[row] = flow;
      ends[reader] = flow;
    }
  };
  link('SignalSent', 'SignalObserved', (row) => aux[row]!, a);
  link('TaskCommitted', 'TaskStarted', (row) => rank[row]!, a);
  return { starts, ends };
}
