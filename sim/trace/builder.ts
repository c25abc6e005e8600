import {
  allocateColumns,
  copyRow,
  type MutableColumns,
  setColumns,
  trimColumns,
} from './columns.ts';
import { TraceError } from './errors.ts';
import { assertRecordOrder } from './record-order.ts';
import { canonicalOrder } from './stable-order.ts';
import type { EventColumns, EventKindCode, Trace, TraceHeader } from './trace.ts';

/**
 * Collects events into typed columns that double when full: 30 bytes an event, no object per event.
 * Events may arrive in any order across actors; those of one actor must arrive in record order.
 */
export class TraceBuilder {
  #columns: MutableColumns;
  #length = 0;

  constructor(expectedEvents = 4096) {
    this.#columns = allocateColumns(Math.max(16, expectedEvents));
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Appends one event. `time` is integer nanoseconds on any origin that all ranks of the launch share;
   * {@link finish} moves the first event of every launch to zero. `a` and `b` are unsigned 32 bits, `aux` 16.
   */
  add(
    time: number,
    launch: number,
    rank: number,
    actor: number,
    kind: EventKindCode,
    aux: number,
    a: number,
    b: number,
  ): void {
    const at = this.#length;
    if (at === this.#columns.time.length) this.#grow();
    const columns = this.#columns;
    if (!Number.isSafeInteger(time)) this.#reject('time', 'an integer below 2^53 ns', time);
    if (aux >>> 0 !== aux || aux > 0xffff) this.#reject('aux', 'an unsigned 16-bit integer', aux);
    if (a >>> 0 !== a) this.#reject('a', 'an unsigned 32-bit integer', a);
    if (b >>> 0 !== b) this.#reject('b', 'an unsigned 32-bit integer', b);
    columns.time[at] = time;
    columns.launch[at] = launch;
    columns.rank[at] = rank;
    columns.actor[at] = actor;
    columns.kind[at] = kind;
    columns.aux[at] = aux;
    columns.a[at] = a;
    columns.b[at] = b;
    this.#length = at + 1;
  }

  /**
   * The trace: rows in canonical order (launch, time, rank, actor; see `stable-order.ts`), every launch from time zero.
   * @throws {TraceError} when an actor's events go back in time, or a rank is not in the header.
   */
  finish(header: TraceHeader): Trace {
    const raw = trimColumns(this.#columns, this.#length);
    const order = canonicalOrder(raw);
    const events = allocateColumns(order.length);
    for (let to = 0; to < order.length; to++) copyRow(raw, order[to]!, events, to);
    assertRanks(events, header.ranks.length);
    assertRecordOrder('trace builder', events, order);
    moveToZero(events);
    return { header, events };
  }

  #grow(): void {
    const next = allocateColumns(this.#columns.time.length * 2);
    setColumns(next, this.#columns, 0);
    this.#columns = next;
  }

  #reject(field: string, expected: string, got: number): never {
    throw new TraceError({
      where: `trace builder, event ${this.#length}`,
      what: `field ${field}`,
      expected,
      got: String(got),
    });
  }
}

function assertRanks(events: EventColumns, ranks: number): void {
  for (let row = 0; row < events.rank.length; row++) {
    if (events.rank[row]! < ranks) continue;
    throw new TraceError({
      where: 'trace builder',
      what: `rank of the event at row ${row}`,
      expected: `less than ${ranks}, the ranks in the header`,
      got: String(events.rank[row]),
    });
  }
}

function moveToZero(events: MutableColumns): void {
  let launch = -1;
  let origin = 0;
  for (let row = 0; row < events.time.length; row++) {
    const time = events.time[row]!;
    if (events.launch[row] !== launch) {
      launch = events.launch[row]!;
      origin = time;
    }
    events.time[row] = time - origin;
  }
}
