import { describe, expect, it } from 'vitest';

import { checkTrace } from '../../../sim/check/check-trace.ts';
import { invariants } from '../../../sim/check/registry.ts';
import { type InvariantId, type MonitorResult, maxViolations } from '../../../sim/check/report.ts';
import type { Trace, TraceHeader } from '../../../sim/trace/trace.ts';
import { eightCorruptions } from '../../support/corruptions.ts';
import { edited, isKind } from '../../support/edit-trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import { moreCorruptions } from '../../support/more-corruptions.ts';

function result(trace: Trace, id: InvariantId): MonitorResult {
  return checkTrace(trace).monitors.find((monitor) => monitor.id === id)!;
}

function withHeader(trace: Trace, header: Partial<TraceHeader>): Trace {
  return { ...trace, header: { ...trace.header, ...header } };
}

const lostTask = eightCorruptions[0]!.apply(legalTrace())!;

describe('verdicts', () => {
  it('cover every invariant once, in order', () => {
    const { monitors } = checkTrace(legalTrace());
    expect(monitors.map(({ id }) => id)).toEqual(invariants);
    expect(new Set(invariants).size).toBe(31);
  });

  it('name launch, rank, time, actors and what happened', () => {
    const { violations, total } = result(lostTask, 'S1');
    expect(total).toBe(4);
    expect(violations[0]).toEqual({
      id: 'S1',
      launch: 0,
      rank: expect.any(Number),
      timeNs: lostTask.events.time[lostTask.events.launch.lastIndexOf(0)],
      actors: [expect.stringMatching(/^rank \d/)],
      message: expect.stringMatching(/^GEMM0\(source \d, slot \d, .*\) was never committed$/),
    });
  });

  it('count all violations and keep the first', () => {
    const none = edited(legalTrace(), (records) => {
      for (const r of records) if (isKind(r, 'Put')) r.aux = 1 - r.aux;
    });
    const { violations, total } = result(none, 'L5');
    expect(violations).toHaveLength(maxViolations);
    expect(total).toBeGreaterThan(maxViolations);
  });

  it('are undecided when events were lost, except where one event shows the fault', () => {
    const lost = withHeader(legalTrace(), { lostEvents: [0, 3] });
    expect(result(lost, 'S1')).toMatchObject({
      verdict: 'undecided',
      reason: expect.stringContaining('3 events were lost'),
    });
    expect(result(lost, 'L6').verdict).toBe('undecided');
    const wrong = edited(lost, (records) => {
      for (const r of records) if (isKind(r, 'Put')) r.b += 1000;
    });
    expect(result(wrong, 'L6').verdict).toBe('violated');
    expect(checkTrace(wrong).clean).toBe(false);
  });

  it('are undecided when the trace lacks a kind of event altogether', () => {
    const blind = edited(legalTrace(), (records) => {
      const kept = records.filter((r) => !isKind(r, 'Put'));
      records.splice(0, records.length, ...kept);
    });
    expect(result(blind, 'S5')).toMatchObject({
      verdict: 'undecided',
      reason: 'the trace has no Put events',
    });
    expect(result(blind, 'S1').verdict).toBe('held');
  });

  it('are undecided for work conservation when a scheduler recorded no sweep', () => {
    const blind = edited(legalTrace(), (records) => {
      const kept = records.filter((r) => !(isKind(r, 'Sweep') && r.rank === 1));
      records.splice(0, records.length, ...kept);
    });
    expect(result(blind, 'W1')).toMatchObject({
      verdict: 'undecided',
      reason: expect.stringContaining('rank 1 in launch 0'),
    });
  });

  it('leave reuse undecided on a single launch', () => {
    expect(result(legalTrace({ launches: 1 }), 'S9').verdict).toBe('undecided');
  });

  it('report, but do not fail, what a policy does not promise', () => {
    const pause = moreCorruptions.find(({ breaks }) => breaks === 'W1')!;
    const late = pause.apply(legalTrace({ policy: 'lag' }))!;
    expect(result(late, 'W1')).toMatchObject({
      verdict: 'violated',
      promised: false,
      reason: expect.stringContaining('policy lag is not greedy'),
    });
    expect(checkTrace(late).clean).toBe(true);
  });

  it('promise nothing for a policy that is not known', () => {
    const trace = legalTrace({ policy: 'my-own' });
    expect(result(trace, 'W1').promised).toBe(false);
    expect(result(trace, 'S1').promised).toBe(true);
  });
});

describe('a trace that cannot be judged is refused', () => {
  it.each([
    ['no scenario', { scenario: { name: 'x' } }, 'header field scenario.world'],
    ['another number of ranks', { ranks: [{ blocks: 4, subscribers: 2 }] }, 'less than 1'],
  ])('%s', (_, header, message) => {
    expect(() => checkTrace(withHeader(legalTrace(), header))).toThrow(message);
  });

  it('rows for another number of experts', () => {
    const trace = legalTrace();
    const rows = trace.header.rows.map((launch) => launch.map((row) => row.slice(1)));
    expect(() => checkTrace(withHeader(trace, { rows }))).toThrow(
      'header field rows.0.0 (length): expected 4, got 3',
    );
  });
});
