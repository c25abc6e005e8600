import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { indexEvents, laneName } from '../../../../sim/trace/analysis/event-index.ts';
import { KeyIndex } from '../../../../sim/trace/analysis/key-index.ts';
import { groupRows } from '../../../../sim/trace/analysis/row-groups.ts';
import { tabulateTasks } from '../../../../sim/trace/analysis/task-table.ts';
import { EventKind } from '../../../../sim/trace/generated/events.ts';
import { canonicalOrder } from '../../../../sim/trace/stable-order.ts';
import { legalTrace } from '../../../support/legal-trace.ts';

const key = fc.tuple(
  fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 0xffff_ffff })),
  fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 0xffff_ffff })),
);

describe('KeyIndex', () => {
  it('numbers keys as a Map in insertion order does', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 400 }), (keys) => {
        const index = new KeyIndex(4);
        const model = new Map<string, number>();
        for (const [high, low] of keys) {
          const name = `${high},${low}`;
          if (!model.has(name)) model.set(name, model.size);
          expect(index.add(high, low)).toBe(model.get(name));
        }
        expect(index.size).toBe(model.size);
        for (const [high, low] of keys) {
          expect(index.find(high, low)).toBe(model.get(`${high},${low}`));
          expect(index.find(low, high)).toBe(model.get(`${low},${high}`) ?? -1);
        }
      }),
    );
  });
});

describe('canonicalOrder', () => {
  it('sorts by launch, time, rank and actor, and is stable', () => {
    const event = fc.tuple(fc.nat(2), fc.nat(5), fc.nat(2), fc.nat(2));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        const order = canonicalOrder({
          launch: Uint32Array.from(events, (e) => e[0]),
          time: Float64Array.from(events, (e) => e[1]),
          rank: Uint16Array.from(events, (e) => e[2]),
          actor: Uint32Array.from(events, (e) => e[3]),
        });
        const rows = events.map((e, row) => [...e, row]);
        rows.sort((x, y) => {
          const at = x.findIndex((value, i) => value !== y[i]);
          return at < 0 ? 0 : x[at]! - y[at]!;
        });
        expect([...order]).toEqual(rows.map((row) => row[4]));
      }),
    );
  });
});

describe('groupRows', () => {
  it('keeps the order of rows within a group', () => {
    const rows = Uint32Array.from([4, 7, 9, 12, 15]);
    const groups = groupRows(
      rows,
      (row) => row % 2,
      () => 8,
    );
    expect(groups.count).toBe(2);
    expect([...groups.rows(groups.find(1, 8))]).toEqual([7, 9, 15]);
    expect([...groups.rows(groups.find(0, 8))]).toEqual([4, 12]);
    expect(groups.first(1, 8)).toBe(7);
    expect(groups.first(2, 8)).toBe(-1);
  });
});

describe('indexEvents', () => {
  const trace = legalTrace();
  const index = indexEvents(trace);

  it('links every actor’s rows in record order', () => {
    for (const [number, lane] of index.lanes.entries()) {
      let rows = 0;
      let before = -1;
      for (let row = lane.first; row >= 0; row = index.next[row]!) {
        expect(index.laneOf[row]).toBe(number);
        expect(index.previous[row]).toBe(before);
        before = row;
        rows++;
      }
      const own = trace.events.actor.filter(
        (actor, row) => actor === lane.actor && trace.events.rank[row] === lane.rank,
      );
      expect(rows).toBe(own.length);
      expect(index.laneAt(lane.rank, lane.actor)).toBe(number);
    }
  });

  it('names actors by their role: the last block is the OS block', () => {
    const names = index.lanes.filter(({ rank }) => rank === 1).map(laneName);
    expect(names.sort()).toEqual([
      'rank 1 processor 0',
      'rank 1 processor 1',
      'rank 1 processor 2',
      'rank 1 scheduler',
      'rank 1 subscriber 0',
      'rank 1 subscriber 1',
    ]);
  });

  it('knows the rows of a launch and of a kind', () => {
    const [begin, end] = index.launchRange(1);
    expect([...new Set(trace.events.launch.slice(begin, end))]).toEqual([1]);
    expect(end).toBe(trace.events.launch.length);
    expect(index.launchRange(2)).toEqual([end, end]);
    const puts = [...trace.events.kind.keys()].filter(
      (row) => trace.events.kind[row] === EventKind.Put,
    );
    expect([...index.rowsOf('Put')]).toEqual(puts);
  });

  it('tabulates each task once, with its steps in the order of time', () => {
    const tasks = tabulateTasks(index);
    const { ready, committed, consumed, started, finished } = tasks.steps;
    expect(tasks.length).toBe(index.rowsOf('TaskFinished').length);
    for (let task = 0; task < tasks.length; task++) {
      const rows = [ready, committed, consumed, started, finished].map((step) => step.row[task]!);
      const times = rows.map((row) => trace.events.time[row]!);
      expect(times).toEqual([...times].sort((x, y) => x - y));
      expect(tasks.taskOf[rows[4]!]).toBe(task);
      expect(tasks.find(tasks.launch[task]!, tasks.rank[task]!, tasks.task[task]!)).toBe(task);
    }
    expect(tasks.find(0, 0, 123_456)).toBe(-1);
  });
});
