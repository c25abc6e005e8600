import { describe, expect, it } from 'vitest';

import { TraceBuilder } from '../../../sim/trace/builder.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import type { EventKindCode } from '../../../sim/trace/trace.ts';
import { headerOf, settingOf, smallWorld } from '../../support/legal-world.ts';

const header = headerOf(settingOf(smallWorld));

/** Adds (time, launch, rank, actor, a) as a GateBegin. */
function add(builder: TraceBuilder, ...[time, launch, rank, actor, a]: number[]): void {
  builder.add(time!, launch!, rank!, actor!, EventKind.GateBegin, 0, a!, 0);
}

describe('TraceBuilder', () => {
  it('sorts by launch, time, rank and actor, and keeps the record order of one actor', () => {
    const builder = new TraceBuilder();
    add(builder, 500, 1, 0, 64, 1);
    add(builder, 130, 0, 1, 0, 2);
    add(builder, 130, 0, 0, 32, 3);
    add(builder, 130, 0, 0, 0, 4);
    add(builder, 130, 0, 0, 0, 5);
    add(builder, 100, 0, 1, 32, 6);
    const { events } = builder.finish(header);
    expect([...events.a]).toEqual([6, 4, 5, 3, 2, 1]);
  });

  it('moves the first event of every launch to time zero', () => {
    const builder = new TraceBuilder();
    add(builder, 1000, 0, 0, 0, 0);
    add(builder, 1040, 0, 1, 0, 0);
    add(builder, 9007, 1, 0, 0, 0);
    add(builder, 9010, 1, 1, 0, 0);
    expect([...builder.finish(header).events.time]).toEqual([0, 40, 0, 3]);
  });

  it('gives the same trace whatever order actors hand their records in', () => {
    const one = new TraceBuilder();
    const other = new TraceBuilder();
    const records = Array.from({ length: 300 }, (_, i) => [
      Math.floor(i / 7),
      0,
      i % 2,
      (i % 3) * 32,
      i,
    ]);
    for (const record of records) add(one, ...record);
    for (let actor = 2; actor >= 0; actor--) {
      for (const record of records) if (record[3] === actor * 32) add(other, ...record);
    }
    expect(other.finish(header).events).toEqual(one.finish(header).events);
  });

  it('grows past the expected number of events', () => {
    const builder = new TraceBuilder(16);
    for (let i = 0; i < 1000; i++) add(builder, i, 0, 0, 0, i);
    const { events } = builder.finish(header);
    expect(events.time.length).toBe(1000);
    expect(events.a[999]).toBe(999);
  });

  it('rejects an actor whose time goes back in record order', () => {
    const builder = new TraceBuilder();
    add(builder, 100, 0, 0, 0, 0);
    add(builder, 90, 0, 0, 0, 0);
    expect(() => builder.finish(header)).toThrow(/rank 0 actor 0: expected .* never go back/);
  });

  it('rejects a rank that the header does not have', () => {
    const builder = new TraceBuilder();
    add(builder, 0, 0, 2, 0, 0);
    expect(() => builder.finish(header)).toThrow(
      /expected less than 2, the ranks in the header, got 2/,
    );
  });

  it.each([
    ['time', 0.5, 0, 0, 0],
    ['aux', 0, 65_536, 0, 0],
    ['a', 0, 0, -1, 0],
    ['b', 0, 0, 0, 2 ** 32],
  ])('rejects a %s that does not fit its field', (field, time, aux, a, b) => {
    const builder = new TraceBuilder();
    const kind: EventKindCode = EventKind.Put;
    expect(() => builder.add(time, 0, 0, 0, kind, aux, a, b)).toThrow(`field ${field}: expected`);
  });
});
