import { type FileMetaData, parquetMetadata, parquetRead } from 'hyparquet';

import { allocateColumns, columnNames, copyRow, type MutableColumns } from './columns.ts';
import { TraceError } from './errors.ts';
import { headerKey } from './file-layout.ts';
import { headerFrom } from './header.ts';
import { assertRecordOrder } from './record-order.ts';
import { canonicalOrder } from './stable-order.ts';
import type { EventColumns, Trace, TraceHeader } from './trace.ts';
import { assertTrace } from './validate.ts';

/**
 * A trace from the bytes of a trace file; `where` names it in errors. Rows may be stored in any order that keeps each
 * actor's records in theirs.
 * @throws {TraceError} when the bytes are no trace file of this version, or what they hold is not a legal trace.
 */
export async function decodeTrace(where: string, bytes: Uint8Array): Promise<Trace> {
  const metadata = metadataOf(where, bytes);
  const header = headerFrom(where, headerJson(where, metadata));
  assertColumns(where, metadata);
  const stored = await readColumns(where, bytes, metadata);
  const order = canonicalOrder(stored);
  const events = allocateColumns(order.length);
  for (let to = 0; to < order.length; to++) copyRow(stored, order[to]!, events, to);
  const trace = { header, events };
  assertTrace(where, trace);
  assertRecordOrder(where, events, order);
  return trace;
}

/**
 * What a trace file says about itself, without reading its events.
 * @throws {TraceError} when the bytes are no trace file of this version.
 */
export function decodeHeader(where: string, bytes: Uint8Array): TraceHeader {
  return headerFrom(where, headerJson(where, metadataOf(where, bytes)));
}

function metadataOf(where: string, bytes: Uint8Array): FileMetaData {
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (magic !== 'PAR1') {
    const got = bytes.length === 0 ? 'an empty file' : `a file that starts with ${show(magic)}`;
    throw new TraceError({ where, what: 'file', expected: 'a Parquet file (PAR1)', got });
  }
  try {
    return parquetMetadata(bytes);
  } catch (error) {
    throw broken(where, 'footer', error);
  }
}

function headerJson(where: string, metadata: FileMetaData): unknown {
  const text = metadata.key_value_metadata?.find(({ key }) => key === headerKey)?.value;
  if (text === undefined) {
    throw new TraceError({
      where,
      what: 'file metadata',
      expected: `the key ${headerKey} of a kerneltwin trace`,
      got: `keys: ${metadata.key_value_metadata?.map(({ key }) => key).join(', ') ?? 'none'}`,
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TraceError(
      { where, what: `metadata ${headerKey}`, expected: 'JSON', got: message(error) },
      { cause: error },
    );
  }
}

function assertColumns(where: string, metadata: FileMetaData): void {
  const types = new Map(metadata.schema.slice(1).map(({ name, type }) => [name, type]));
  for (const name of columnNames) {
    const type = types.get(name);
    const expected = name === 'time' ? ['INT32', 'INT64'] : ['INT32'];
    if (type !== undefined && expected.includes(type)) continue;
    throw new TraceError({
      where,
      what: `column ${name}`,
      expected: expected.join(' or '),
      got: type ?? `columns ${[...types.keys()].join(', ')}`,
    });
  }
}

async function readColumns(
  where: string,
  bytes: Uint8Array,
  metadata: FileMetaData,
): Promise<MutableColumns> {
  const length = Number(metadata.num_rows);
  const columns = allocateColumns(length);
  const filled = new Map<string, number>();
  const copy = bytes.slice().buffer;
  let wrapped: string | undefined;
  try {
    await parquetRead({
      file: { byteLength: copy.byteLength, slice: (begin, end) => copy.slice(begin, end) },
      metadata,
      columns: [...columnNames],
      onChunk: ({ columnName, columnData, rowStart }) => {
        const name = columnName as keyof EventColumns;
        const column = columns[name];
        for (let i = 0; i < columnData.length; i++) {
          const value = Number(columnData[i]);
          column[rowStart + i] = value;
          // Narrow columns would wrap silently. An error thrown here would reach nobody.
          if (column[rowStart + i] === value) continue;
          wrapped ??= `${value} in row ${rowStart + i} of ${name}`;
        }
        filled.set(name, (filled.get(name) ?? 0) + columnData.length);
      },
    });
  } catch (error) {
    throw broken(where, 'columns', error);
  }
  if (wrapped !== undefined) {
    const expected = 'values that fit their columns';
    throw new TraceError({ where, what: 'columns', expected, got: wrapped });
  }
  for (const name of columnNames) {
    const got = filled.get(name) ?? 0;
    if (got === length) continue;
    throw new TraceError({
      where,
      what: `column ${name}`,
      expected: `${length} rows`,
      got: `${got} rows`,
    });
  }
  return columns;
}

function broken(where: string, what: string, error: unknown): TraceError {
  return new TraceError(
    {
      where,
      what,
      expected: 'a whole Parquet file',
      got: `damaged or cut off (${message(error)})`,
    },
    { cause: error },
  );
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function show(text: string): string {
  return JSON.stringify(text);
}
