import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';

import { allocateColumns, copyRow } from './columns.ts';
import { hasWideTime, headerKey, parquetSchema, rowGroupRows } from './file-layout.ts';
import { warpsPerActorBlock } from './generated/events.ts';
import { processorsOf } from './rank-actors.ts';
import type { EventColumns, RankActors, Trace } from './trace.ts';
import { assertTrace } from './validate.ts';

/**
 * The bytes of a trace file: the same trace gives the same bytes on every Node version, because every encoder is plain
 * JavaScript on integers (no zlib). Rows are stored by (launch, rank, actor), each actor's records together, where
 * deltas are small: 3 to 5 bytes an event. A row group holds events of one launch, so that a reader can take launches
 * one at a time.
 * @throws {TraceError} when the trace is not a legal one.
 */
export function encodeTrace(trace: Trace): Uint8Array {
  assertTrace('trace to encode', trace);
  const { header, events } = trace;
  const wideTime = hasWideTime(maxTime(events));
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema: parquetSchema(wideTime),
    codec: 'SNAPPY',
    statistics: false,
    createdBy: `kerneltwin trace ${header.version}`,
    kvMetadata: [{ key: headerKey, value: JSON.stringify(header) }],
  });
  const stored = groupByActor(events, header.ranks);
  for (const [begin, end] of rowGroups(stored.launch)) {
    const columnData = columnSources(stored, begin, end, wideTime);
    void parquet.write({ columnData, rowGroupSize: end - begin });
  }
  void parquet.finish();
  return writer.getBytes();
}

function maxTime(events: EventColumns): number {
  let max = 0;
  for (const time of events.time) if (time > max) max = time;
  return max;
}

/** Row ranges of the row groups: one launch, at most `rowGroupRows` rows. */
function* rowGroups(launch: Uint32Array): Generator<[begin: number, end: number]> {
  let begin = 0;
  for (let row = 1; row <= launch.length; row++) {
    const full = row - begin === rowGroupRows;
    if (row < launch.length && launch[row] === launch[begin] && !full) continue;
    yield [begin, row];
    begin = row;
  }
}

/**
 * One row group's columns with the encodings that measured smallest. Dictionaries are avoided: the writer sizes
 * their indices with a logarithm, whose last bits are the engine's own affair.
 */
function columnSources(
  events: EventColumns,
  begin: number,
  end: number,
  wideTime: boolean,
): ColumnSource[] {
  const times = events.time.subarray(begin, end);
  const delta = 'DELTA_BINARY_PACKED';
  const split = 'BYTE_STREAM_SPLIT';
  const narrow = (column: Uint8Array | Uint16Array | Uint32Array): Int32Array =>
    Int32Array.from(column.subarray(begin, end));
  return [
    { name: 'launch', data: narrow(events.launch), encoding: delta },
    { name: 'rank', data: narrow(events.rank), encoding: delta },
    { name: 'actor', data: narrow(events.actor), encoding: delta },
    {
      name: 'time',
      data: wideTime ? BigInt64Array.from(times, BigInt) : Int32Array.from(times),
      encoding: delta,
    },
    { name: 'kind', data: narrow(events.kind), encoding: delta },
    { name: 'aux', data: narrow(events.aux), encoding: delta },
    // The writer splits bytes of plain arrays only, when the column is unsigned.
    { name: 'a', data: Array.from(events.a.subarray(begin, end)), encoding: split },
    { name: 'b', data: Array.from(events.b.subarray(begin, end)), encoding: split },
  ];
}

/** Rows stably by (launch, rank, actor): a counting sort over the actors of each launch. */
function groupByActor(events: EventColumns, ranks: readonly RankActors[]): EventColumns {
  const firstActor = new Uint32Array(ranks.length + 1);
  for (let r = 0; r < ranks.length; r++) {
    firstActor[r + 1] = firstActor[r]! + (processorsOf(ranks[r]!) + 1) * warpsPerActorBlock;
  }
  const place = new Uint32Array(firstActor[ranks.length]! + 1);
  const stored = allocateColumns(events.time.length);
  let begin = 0;
  for (let end = 1; end <= events.time.length; end++) {
    if (end < events.time.length && events.launch[end] === events.launch[begin]) continue;
    place.fill(0);
    for (let row = begin; row < end; row++) {
      const actor = firstActor[events.rank[row]!]! + events.actor[row]!;
      place[actor + 1] = place[actor + 1]! + 1;
    }
    for (let actor = 1; actor < place.length; actor++) {
      place[actor] = place[actor]! + place[actor - 1]!;
    }
    for (let row = begin; row < end; row++) {
      const actor = firstActor[events.rank[row]!]! + events.actor[row]!;
      const at = place[actor]!;
      place[actor] = at + 1;
      copyRow(events, row, stored, begin + at);
    }
    begin = end;
  }
  return stored;
}
