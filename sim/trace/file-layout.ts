import type { SchemaElement } from 'hyparquet';

import { columnNames } from './columns.ts';

/** Key of the file's key-value metadata that holds the header as JSON. */
export const headerKey = 'kerneltwin.header';

/** Most events of a row group: what a reader must hold to take in a file piece by piece. */
export const rowGroupRows = 65_536;

/** Times from here on do not fit a signed 32-bit integer: 2.1 s after the launch's first event. */
const int32Limit = 2_147_483_648;

/** Whether a trace whose last time is `maxTime` stores time in 64 bits. */
export function hasWideTime(maxTime: number): boolean {
  return maxTime >= int32Limit;
}

/**
 * Parquet schema: every column is a required unsigned integer, plain values under their own names, so that any Parquet
 * reader can query a trace file.
 */
export function parquetSchema(wideTime: boolean): SchemaElement[] {
  return [
    { name: 'kerneltwin_trace', num_children: columnNames.length },
    ...columnNames.map((name): SchemaElement => {
      const wide = name === 'time' && wideTime;
      return wide
        ? { name, type: 'INT64', repetition_type: 'REQUIRED' }
        : { name, type: 'INT32', converted_type: 'UINT_32', repetition_type: 'REQUIRED' };
    }),
  ];
}
