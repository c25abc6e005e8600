import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contextOf } from '../../../sim/check/context.ts';
import { LossMeter } from '../../../sim/check/online/loss.ts';
import { OnlineCheck, type OnlineSummary } from '../../../sim/check/online/online.ts';
import { scenarioOf } from '../../../sim/check/scenario-of.ts';
import { workConservationLoss } from '../../../sim/check/work-conservation.ts';
import { traceMetrics } from '../../../sim/compare/metrics.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import { simulate, simulateUntraced } from '../../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { processorsOf } from '../../../sim/trace/rank-actors.ts';
import {
  type EventRecord,
  isKind,
  moveAfter,
  recordsOf,
  sameActor,
} from '../../support/edit-trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';

type Record = Parameters<OnlineCheck['add']>;

/** The summary of a run, each record changed by `edit`; undefined drops it. */
function summaryOf(scenario: Scenario, edit: (r: Record) => Record | undefined): OnlineSummary {
  let check!: OnlineCheck;
  simulateUntraced(scenario, (facts) => {
    check = new OnlineCheck(facts);
    return {
      add(...record): void {
        const changed = edit(record);
        if (changed !== undefined) check.add(...changed);
      },
    };
  });
  return check.summary();
}

const same = (record: Record): Record => record;
const load = (name: string, set = {}): Scenario => loadScenario(`scenarios/${name}.yaml`, set);

describe('a run without a trace', () => {
  test.each([
    ['small', { launches: '1' }],
    ['shared-h200-4', { launches: '1' }],
    ['unequal-experts', { launches: '1', 'world.transport': 'put' }],
    ['silent-peer', { launches: '1', readiness: 'lazy' }],
  ])('%s is measured as its trace is', (name, set) => {
    const scenario = load(name, set);
    const { trace } = simulate(scenario);
    const metrics = traceMetrics(trace);
    const context = contextOf(trace, scenarioOf('trace', trace.header));
    const summary = summaryOf(scenario, same);
    expect(summary).toMatchObject({ violationCount: 0, records: trace.events.time.length });
    expect(summary.makespanNs).toBe(metrics.makespanNs.max);
    expect(summary.utilisation).toBeCloseTo(metrics.utilisation, 12);
    expect(summary.tasks).toBe(summary.tasksInAll);
    expect(summary.tasksOf.GEMM1).toBe(metrics.taskNs.GEMM1.count);
    const loss = workConservationLoss(context, 0).reduce((sum, ns) => sum + ns, 0);
    expect(summary.workConservationLossNs).toBe(loss);
    expect(summary.rankLaunchesJudged).toBe(summary.rankLaunches);
  });

  test('several launches are judged each', () => {
    const summary = summaryOf(load('small', { launches: '3' }), same);
    expect([summary.violationCount, summary.rankLaunchesJudged]).toEqual([0, 6]);
  });

  const first = (kind: number): ((record: Record) => boolean) => {
    let seen = false;
    return (record) => {
      const hit = !seen && record[4] === kind;
      seen ||= hit;
      return hit;
    };
  };
  const cases: readonly [string, string, () => (record: Record) => Record | undefined][] = [
    [
      'S1',
      'a task that is started twice',
      () => {
        let task = -1;
        return (r) => {
          if (r[4] !== EventKind.TaskStarted || r[2] !== 0) return r;
          if (task < 0) task = r[6];
          return r.with(6, task) as Record;
        };
      },
    ],
    [
      'S1',
      'a processor that runs tiles at once',
      () => (r) => (r[4] === EventKind.TaskStarted ? (r.with(3, 0) as Record) : r),
    ],
    [
      'S2',
      'a task that nobody asked for',
      () => {
        const hit = first(EventKind.LaunchBegin);
        return (r) => (hit(r) ? ([0, 0, 0, 0, EventKind.TaskFinished, 0, 1, 0] as Record) : r);
      },
    ],
    [
      'S3',
      'a GEMM0 task that finishes after its row block is published',
      () => {
        const hit = first(EventKind.TaskFinished);
        return (r) => (hit(r) ? undefined : r);
      },
    ],
    [
      'T5',
      'a task that is never finished',
      () => {
        const hit = first(EventKind.TaskFinished);
        return (r) => (hit(r) ? undefined : r);
      },
    ],
  ];
  test.each(cases)('%s names %s', (id, _what, edit) => {
    const { violations, violationCount } = summaryOf(load('small', { launches: '1' }), edit());
    expect(violationCount).toBeGreaterThan(0);
    expect(violations.map((violation) => violation.id)).toContain(id);
  });
});

describe('a run with COMBINE tasks beside GEMM tiles', () => {
  const trace = legalTrace({ beside: true, launches: 1 });
  const { header } = trace;
  const scenario = scenarioOf('trace', header);
  const [rank] = header.ranks;
  const [processors, { subscribers }] = [processorsOf(rank!), rank!];

  function summary(edit: (records: EventRecord[]) => void): OnlineSummary {
    const clock = { now: 0 };
    const check = new OnlineCheck({ scenario, rows: header.rows, processors, subscribers, clock });
    const records = recordsOf(trace);
    edit(records);
    for (const r of records) {
      clock.now = r.time;
      check.add(r.time, r.launch, r.rank, r.actor, r.kind, r.aux, r.a, r.b);
    }
    return check.summary();
  }

  test('is legal, and measured as its trace is', () => {
    const online = summary(() => undefined);
    expect(online.violations).toEqual([]);
    expect(online.rankLaunchesJudged).toBe(online.rankLaunches);
    expect(online.utilisation).toBeCloseTo(traceMetrics(trace).utilisation, 12);
    const loss = workConservationLoss(contextOf(trace, scenario), 0);
    expect(online.workConservationLossNs).toBe(loss.reduce((sum, ns) => sum + ns, 0));
  });

  test('may not run two tiles at once: S1 names them', () => {
    const { violations } = summary((records) => {
      const finish = records.findIndex((r) => isKind(r, 'TaskFinished'));
      const next = records.findIndex(
        (r, i) => i > finish && isKind(r, 'TaskStarted') && sameActor(r, records[finish]!),
      );
      moveAfter(records, finish, next);
    });
    expect(violations[0]).toMatchObject({
      id: 'S1',
      message: expect.stringMatching(/^processor \d+ starts task \d+ while it runs task \d+$/),
    });
  });
});

describe('loss meter', () => {
  test('integrates changes handed in ahead of their time as if they had come sorted', () => {
    const change = fc.record({
      step: fc.nat(5),
      ahead: fc.nat(40),
      idle: fc.integer({ min: -2, max: 3 }),
      tasks: fc.integer({ min: -2, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const meter = new LossMeter();
        let now = 0;
        const all = changes.map(({ step, ahead, idle, tasks }) => {
          now += step;
          meter.change(now, now + ahead, idle, tasks);
          return { time: now + ahead, idle, tasks };
        });
        meter.flush(Number.POSITIVE_INFINITY);
        let [loss, since, idle, tasks] = [0, 0, 0, 0];
        for (const at of all.toSorted((x, y) => x.time - y.time)) {
          loss += Math.max(0, Math.min(idle, tasks)) * (at.time - since);
          [since, idle, tasks] = [at.time, idle + at.idle, tasks + at.tasks];
        }
        expect(meter.lossNs).toBe(loss);
      }),
    );
  });
});
