import type { EventColumns } from './trace.ts';

/** Event columns that can still be written; {@link EventColumns} is the same without the right to. */
export interface MutableColumns {
  readonly time: Float64Array;
  readonly launch: Uint32Array;
  readonly rank: Uint16Array;
  readonly actor: Uint32Array;
  readonly kind: Uint8Array;
  readonly aux: Uint16Array;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
}

/** Names of the columns, in the order files store them. */
export const columnNames: readonly (keyof EventColumns)[] = [
  'launch',
  'rank',
  'actor',
  'time',
  'kind',
  'aux',
  'a',
  'b',
];

/** Zeroed columns for `length` events: 30 bytes an event. */
export function allocateColumns(length: number): MutableColumns {
  return {
    time: new Float64Array(length),
    launch: new Uint32Array(length),
    rank: new Uint16Array(length),
    actor: new Uint32Array(length),
    kind: new Uint8Array(length),
    aux: new Uint16Array(length),
    a: new Uint32Array(length),
    b: new Uint32Array(length),
  };
}

/** Copies all of `from` into `to`, from row `at` on. */
export function setColumns(to: MutableColumns, from: EventColumns, at: number): void {
  for (const name of columnNames) to[name].set(from[name], at);
}

/** Views of the first `length` rows. */
export function trimColumns(columns: MutableColumns, length: number): MutableColumns {
  return {
    time: columns.time.subarray(0, length),
    launch: columns.launch.subarray(0, length),
    rank: columns.rank.subarray(0, length),
    actor: columns.actor.subarray(0, length),
    kind: columns.kind.subarray(0, length),
    aux: columns.aux.subarray(0, length),
    a: columns.a.subarray(0, length),
    b: columns.b.subarray(0, length),
  };
}

/** Copies one row. Written out: a loop over names would make every access megamorphic. */
export function copyRow(from: EventColumns, row: number, to: MutableColumns, at: number): void {
  to.time[at] = from.time[row]!;
  to.launch[at] = from.launch[row]!;
  to.rank[at] = from.rank[row]!;
  to.actor[at] = from.actor[row]!;
  to.kind[at] = from.kind[row]!;
  to.aux[at] = from.aux[row]!;
  to.a[at] = from.a[row]!;
  to.b[at] = from.b[row]!;
}
