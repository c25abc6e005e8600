import { KeyIndex } from './key-index.ts';

/** Rows that share a key, as ranges of one array. */
export interface RowGroups {
  readonly count: number;
  /** Rows of a group, in the order they were given. */
  rows(group: number): Uint32Array;
  /** Group of a key, -1 when no row has it. */
  find(high: number, low: number): number;
  /** First row with a key, -1 when there is none. */
  first(high: number, low: number): number;
}

/** Groups rows by a pair of unsigned 32-bit keys; groups are numbered by first appearance. */
export function groupRows(
  rows: Uint32Array,
  high: (row: number) => number,
  low: (row: number) => number,
): RowGroups {
  const keys = new KeyIndex(rows.length / 2);
  const groupOf = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) groupOf[i] = keys.add(high(rows[i]!), low(rows[i]!));
  const begin = new Uint32Array(keys.size + 2);
  for (const group of groupOf) begin[group + 2] = begin[group + 2]! + 1;
  for (let group = 2; group < begin.length; group++) {
    begin[group] = begin[group]! + begin[group - 1]!;
  }
  const members = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const group = groupOf[i]! + 1;
    members[begin[group]!] = rows[i]!;
    begin[group] = begin[group]! + 1;
  }
  const find = (h: number, l: number): number => keys.find(h, l);
  return {
    count: keys.size,
    rows: (group) => members.subarray(begin[group], begin[group + 1]),
    find,
    first: (h, l) => {
      const group = find(h, l);
      return group < 0 ? -1 : members[begin[group]!]!;
    },
  };
}
