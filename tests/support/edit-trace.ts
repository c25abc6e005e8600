import { TraceBuilder } from '../../sim/trace/builder.ts';
import { EventKind, type EventKindName } from '../../sim/trace/generated/events.ts';
import type { EventKindCode, Trace, TraceHeader } from '../../sim/trace/trace.ts';

/** One event as an object, for tests that change traces. */
export interface EventRecord {
  time: number;
  launch: number;
  rank: number;
  actor: number;
  kind: EventKindCode;
  aux: number;
  a: number;
  b: number;
}

/** The events of a trace in row order. */
export function recordsOf({ events }: Trace): EventRecord[] {
  return Array.from(events.time, (time, row) => ({
    time,
    launch: events.launch[row]!,
    rank: events.rank[row]!,
    actor: events.actor[row]!,
    kind: events.kind[row]! as EventKindCode,
    aux: events.aux[row]!,
    a: events.a[row]!,
    b: events.b[row]!,
  }));
}

/** A trace of these events; those of one actor in list order. */
export function traceOf(header: TraceHeader, records: readonly EventRecord[]): Trace {
  const builder = new TraceBuilder(records.length);
  for (const e of records) {
    builder.add(e.time, e.launch, e.rank, e.actor, e.kind, e.aux, e.a, e.b);
  }
  return builder.finish(header);
}

/** A copy of the trace with its list of events changed in place. */
export function edited(trace: Trace, edit: (records: EventRecord[]) => void): Trace {
  const records = recordsOf(trace);
  edit(records);
  return traceOf(trace.header, records);
}

export function isKind(record: EventRecord, ...kinds: EventKindName[]): boolean {
  return kinds.some((kind) => EventKind[kind] === record.kind);
}

export function sameActor(x: EventRecord, y: EventRecord): boolean {
  return x.launch === y.launch && x.rank === y.rank && x.actor === y.actor;
}

/** Moves the record at `from` to just before the record at `to` (an earlier one), at that record's time. */
export function moveBefore(records: EventRecord[], from: number, to: number): void {
  const [record] = records.splice(from, 1);
  record!.time = records[to]!.time;
  records.splice(to, 0, record!);
}

/** Moves the record at `from` to just after the record at `to` (a later one), at that record's time. */
export function moveAfter(records: EventRecord[], from: number, to: number): void {
  const record = records[from]!;
  record.time = records[to]!.time;
  records.splice(to + 1, 0, record);
  records.splice(from, 1);
}
