import { describe, expect, it } from 'vitest';

import { checkTrace } from '../../../sim/check/check-trace.ts';
import { contextOf } from '../../../sim/check/context.ts';
import { schedulerLatencies } from '../../../sim/check/latency.ts';
import { replayLaunch } from '../../../sim/check/occupancy.ts';
import { openTile } from '../../../sim/check/open-tasks.ts';
import type { InvariantId, MonitorResult } from '../../../sim/check/report.ts';
import { scenarioOf } from '../../../sim/check/scenario-of.ts';
import { combineTask, dispatchFlags, shapeOf } from '../../../sim/moe/layout.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import {
  type EventRecord,
  edited,
  isKind,
  moveAfter,
  moveBefore,
  recordsOf,
  sameActor,
} from '../../support/edit-trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import { besideLaunch, type HandEvent, handTrace } from '../compare/hand-trace.ts';

const trace = legalTrace({ beside: true });
const shape = shapeOf(trace.header.scenario as Scenario);
const records = recordsOf(trace);
const isCombine = (r: EventRecord): boolean => r.a >= combineTask(shape, 0, 0, 0);

function result(of: Trace, id: InvariantId): MonitorResult {
  return checkTrace(of).monitors.find((monitor) => monitor.id === id)!;
}

/** What was started last before `row` by its actor and what, of the tasks started before, is still open. */
function openAt(row: number): readonly EventRecord[] {
  const open = new Map<number, EventRecord>();
  for (const r of records.slice(0, row)) {
    if (!sameActor(r, records[row]!)) continue;
    if (isKind(r, 'TaskStarted')) open.set(r.a, r);
    if (isKind(r, 'TaskFinished')) open.delete(r.a);
  }
  return [...open.values()];
}

describe('a COMBINE beside a GEMM tile', () => {
  it('is legal', () => {
    const beside = records.filter(
      (r, row) => isKind(r, 'TaskStarted') && isCombine(r) && openAt(row).length > 0,
    );
    const after = records.filter(
      (r, row) => isKind(r, 'TaskStarted') && !isCombine(r) && openAt(row).length > 0,
    );
    expect(beside.length).toBeGreaterThan(5);
    expect(after.length).toBeGreaterThan(5);
    expect(checkTrace(trace).monitors.filter((m) => m.verdict === 'violated')).toEqual([]);
  });

  it('does not hide the GEMM1 task that a signal is of: the COMBINE started after it', () => {
    const sent = records.findIndex(
      (r, row) =>
        isKind(r, 'SignalSent') && r.a >= dispatchFlags(shape) && isCombine(openAt(row).at(-1)!),
    );
    expect(openAt(sent)).toHaveLength(2);
    const tile = openTile(contextOf(trace, scenarioOf('trace', trace.header)), sent);
    expect(records[tile]).toEqual(openAt(sent)[0]);
    // The same signal a moment after its task: the COMBINE alone runs.
    const late = edited(trace, (list) => {
      const finish = list.findIndex(
        (r, i) => i > sent && isKind(r, 'TaskFinished') && r.a === records[tile]!.a,
      );
      moveAfter(list, sent, finish);
    });
    expect(result(late, 'S3').violations[0]?.message).toMatch(/sent outside a GEMM1 task/);
  });

  it('does not hide a put of the tile before its signal, nor make one of another tile count', () => {
    const sent = records.findIndex(
      (r, row) =>
        isKind(r, 'SignalSent') && r.a >= dispatchFlags(shape) && isCombine(openAt(row).at(-1)!),
    );
    const early = edited(trace, (list) => {
      const put = list.findLastIndex(
        (r, i) => i < sent && isKind(r, 'Put') && sameActor(r, list[sent]!),
      );
      const started = list.indexOf(
        list.findLast(
          (r, i) =>
            i < sent && isKind(r, 'TaskStarted') && !isCombine(r) && sameActor(r, list[sent]!),
        )!,
      );
      moveBefore(list, put, started);
    });
    expect(result(early, 'S5').violations[0]?.message).toMatch(/but 0 rows were put before it/);
  });
});

/** `list` with the task that starts at `later` on the processor of `open` started just after `open`, by the same processor. */
function overlapped(fits: (open: EventRecord, later: EventRecord) => boolean): Trace {
  return edited(legalTrace({ launches: 1 }), (list) => {
    for (const open of list) {
      if (!isKind(open, 'TaskStarted')) continue;
      const from = list.indexOf(open);
      const finish = list.findIndex(
        (r) => isKind(r, 'TaskFinished') && r.a === open.a && sameActor(r, open),
      );
      const later = list.findIndex(
        (r, i) => i > finish && isKind(r, 'TaskStarted') && sameActor(r, open),
      );
      if (later < 0 || !fits(open, list[later]!)) continue;
      // The finish goes behind the next task's start.
      moveAfter(list, finish, later);
      expect(from).toBeLessThan(later);
      return;
    }
    throw new Error('no such neighbours');
  });
}

/** A legal trace but for one processor: the first of its starts after two others comes before their finishes. */
function threeAtOnce(): Trace {
  return edited(legalTrace({ launches: 1 }), (list) => {
    for (const third of list) {
      if (!isKind(third, 'TaskStarted') || !isCombine(third)) continue;
      const before = list
        .slice(0, list.indexOf(third))
        .filter((r) => isKind(r, 'TaskStarted') && isCombine(r) && sameActor(r, third))
        .slice(-2);
      if (before.length < 2) continue;
      for (const open of before) {
        const finish = list.findIndex(
          (r) => isKind(r, 'TaskFinished') && r.a === open.a && sameActor(r, open),
        );
        if (finish < list.indexOf(third)) moveAfter(list, finish, list.indexOf(third));
      }
      return;
    }
    throw new Error('no processor with three COMBINE tasks');
  });
}

describe('two tasks at once on a processor', () => {
  it('two tiles: S1 names it', () => {
    const two = overlapped((open, later) => !isCombine(open) && !isCombine(later));
    expect(result(two, 'S1').violations.map((v) => v.message)).toEqual([
      expect.stringMatching(/^GEMM\d\(.*\) started while GEMM\d\(.*\) ran on the same processor$/),
    ]);
  });

  it('two COMBINEs: S1 has nothing against it', () => {
    const two = overlapped((open, later) => isCombine(open) && isCombine(later));
    expect(result(two, 'S1').verdict).toBe('held');
  });

  it('a third task: S1 names it', () => {
    expect(result(threeAtOnce(), 'S1').violations.map((v) => v.message)).toContainEqual(
      expect.stringMatching(/ started while .* and .* ran on the same processor$/),
    );
  });

  it('a tile and a COMBINE: S1 has nothing against it', () => {
    const pair = overlapped((open, later) => isCombine(open) !== isCombine(later));
    expect(result(pair, 'S1').verdict).toBe('held');
  });
});

describe('a processor that runs two tasks', () => {
  const hand = handTrace(besideLaunch);
  const facts = contextOf(hand, scenarioOf('trace', hand.header));

  it('is busy once, and idle only when it runs none', () => {
    let [busy, running, idle] = [0, 0, 0];
    replayLaunch(facts, 0, (_, now, from, row) => {
      const ns = hand.events.time[row]! - from;
      busy += now.busy * ns;
      running += now.running * ns;
      idle += now.idle * ns;
    });
    expect({ busy, running, idle }).toEqual({
      busy: 500,
      running: 300 + 200 + 200,
      // Processor 1 all the time from the end of the dispatch.
      idle: 100 + 300 + 900,
    });
  });

  it('W5 counts both ways', () => {
    expect(result(hand, 'W5')).toMatchObject({
      verdict: 'held',
      reason: expect.stringMatching(/work 700 ns, busy 500 ns$/),
    });
  });

  it('did not wait for a doorbell that it read beside a task', () => {
    const scheduled = handTrace(
      [
        ...besideLaunch,
        [185, 0, 0, 2, 'Sweep', 1, 0],
        [360, 0, 0, 2, 'Sweep', 1, 0],
        [460, 0, 0, 2, 'Sweep', 1, 0],
      ].toSorted((x, y) => (x[0] as number) - (y[0] as number)) as HandEvent[],
    );
    const [latency] = schedulerLatencies(
      contextOf(scheduled, scenarioOf('trace', scheduled.header)),
      0,
    );
    // GEMM0 was rung at 180 for a processor that waited, and started at 200; the others were read under it.
    expect(latency).toMatchObject({ hopNs: 10, wakeNs: 20 });
  });

  it('W3 asks for the time of its tiles and of its COMBINE tasks apart', () => {
    const dense: HandEvent[] = [
      [0, 0, 0, 0, 'TaskStarted', 0, 0, 1],
      [0, 0, 0, 0, 'TaskStarted', 0, 2, 2],
      [0, 0, 0, 1, 'TaskStarted', 0, 1, 1],
      [1000, 0, 0, 0, 'TaskFinished', 0, 0, 0],
      [1000, 0, 0, 0, 'TaskFinished', 0, 2],
      [1000, 0, 0, 1, 'TaskFinished', 0, 1],
    ];
    const messages = (events: HandEvent[]): string[] =>
      result(handTrace(events), 'W3').violations.map((v) => v.message);
    expect(messages(dense)).toEqual(['critical path of 3000 ns in a makespan of 1000 ns']);
  });
});
