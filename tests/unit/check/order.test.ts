import { describe, expect, it } from 'vitest';

import { checkTrace } from '../../../sim/check/check-trace.ts';
import { contextOf } from '../../../sim/check/context.ts';
import type { Order } from '../../../sim/check/order.ts';
import { scenarioOf } from '../../../sim/check/scenario-of.ts';
import { epochState } from '../../../sim/moe/packet.ts';
import { EventKind, type EventKindName } from '../../../sim/trace/generated/events.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import {
  type EventRecord,
  edited,
  isKind,
  moveAfter,
  sameActor,
  traceOf,
} from '../../support/edit-trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import { headerOf, settingOf, smallWorld } from '../../support/legal-world.ts';

function orderOf(trace: Trace): Order {
  return contextOf(trace, scenarioOf('test', trace.header)).order;
}

function event(
  time: number,
  rank: number,
  actor: number,
  kind: EventKindName,
  aux: number,
  a: number,
): EventRecord {
  const b = epochState(0) * 2 ** 28;
  return { time, launch: 0, rank, actor, kind: EventKind[kind], aux, a, b };
}

const header = headerOf(settingOf({ ...smallWorld, launches: 1 }));
const subscriber = 3 * 32 + 1;

describe('the order of a trace', () => {
  it('has an edge for every read that the protocol names', () => {
    const { cycle, refuted, unmatched, edges } = orderOf(legalTrace());
    expect({ cycle, refuted, unmatched }).toEqual({ cycle: undefined, refuted: [], unmatched: [] });
    expect(edges).toBeGreaterThan(900);
  });

  it('is broken by a cycle, whatever the clocks say', () => {
    // Each rank sends only after it has observed what the other sends later.
    const trace = traceOf(header, [
      event(0, 0, subscriber, 'SignalObserved', 1, 3),
      event(0, 1, subscriber, 'SignalObserved', 0, 0),
      event(0, 0, subscriber, 'SignalSent', 1, 0),
      event(0, 1, subscriber, 'SignalSent', 0, 3),
    ]);
    const { cycle } = orderOf(trace);
    expect(cycle?.rows).toHaveLength(4);
    expect([...(cycle?.kinds ?? [])].sort()).toEqual(['program', 'program', 'signal', 'signal']);
    const s4 = checkTrace(legalTrace()).monitors.find(({ id }) => id === 'S4');
    expect(s4?.verdict).toBe('held');
  });

  it('is not broken by equal times', () => {
    const trace = traceOf(header, [
      event(0, 0, subscriber, 'SignalSent', 1, 0),
      event(0, 1, subscriber, 'SignalObserved', 0, 0),
      event(0, 1, subscriber, 'SignalSent', 0, 3),
      event(0, 0, subscriber, 'SignalObserved', 1, 3),
    ]);
    expect(orderOf(trace).cycle).toBeUndefined();
  });

  it('is refuted by clocks only beyond the residual that the header states', () => {
    const records = [
      event(100, 0, subscriber, 'SignalSent', 1, 0),
      event(0, 1, subscriber, 'SignalObserved', 0, 0),
    ];
    const clock = (crossRank: number): Trace =>
      traceOf(
        { ...header, clock: { ...header.clock, residualNs: { sameRank: 0, crossRank } } },
        records,
      );
    expect(orderOf(clock(100)).refuted).toEqual([]);
    expect(orderOf(clock(99)).refuted).toEqual([{ from: 1, to: 0, kind: 'signal', byNs: 100 }]);
  });

  it('is never refuted by the clocks of a counter, which are read beside it', () => {
    const late = edited(legalTrace(), (records) => {
      // The first arrival at a barrier recorded last of all arrivals.
      const first = records.findIndex((r) => isKind(r, 'BarrierArrive') && r.b === 0);
      const last = records.findLastIndex(
        (r) => isKind(r, 'BarrierArrive') && r.launch === 0 && r.rank === records[first]!.rank,
      );
      moveAfter(records, first, last);
    });
    expect(checkTrace(late).clean).toBe(true);
  });

  it('lets a no-op be overtaken by the next epoch: the reader takes it as ahead', () => {
    const rows = (_: number, source: number, expert: number): number =>
      source === 1 && expert < 3 && expert > 0 ? 0 : 12;
    const trace = edited(legalTrace({ rows }), (records) => {
      const observed = records.findIndex((r, i) => {
        if (!isKind(r, 'SignalObserved') || r.launch !== 0 || (r.b & 0xfffffff) !== 0) return false;
        const after = records.find((x, j) => j > i && sameActor(x, r));
        return after !== undefined && !isKind(after, 'Surplus');
      });
      expect(records[observed]).toMatchObject({ rank: 0, aux: 1 });
      const record = records[observed]!;
      const exit = records.findIndex((r) => isKind(r, 'Exit') && sameActor(r, record));
      record.b = epochState(1) * 2 ** 28;
      moveAfter(records, observed, exit - 1);
      record.time = records[exit]!.time;
    });
    const violated = checkTrace(trace).monitors.filter(({ verdict }) => verdict === 'violated');
    expect(violated).toEqual([]);
  });

  it('makes a launch come after the one before it on the same rank', () => {
    // Rank 1 observes, in launch 0, rank 0's signal of launch 1, and rank 0 waits for rank 1 in launch 0.
    const trace = traceOf({ ...header, launches: 2, rows: [header.rows[0]!, header.rows[0]!] }, [
      { ...event(0, 1, subscriber, 'SignalObserved', 0, 0), b: epochState(1) * 2 ** 28 },
      event(10, 1, subscriber, 'SignalSent', 0, 3),
      event(20, 0, subscriber, 'SignalObserved', 1, 3),
      { ...event(0, 0, 0, 'SignalSent', 1, 0), launch: 1, b: epochState(1) * 2 ** 28 },
    ]);
    expect(orderOf(trace).cycle?.kinds).toContain('launch');
  });
});
