import { describe, expect, test } from 'vitest';
import { OnlineCheck } from '../../../sim/check/online/online.ts';
import { launchRows } from '../../../sim/compare/launches.ts';
import { traceMetrics } from '../../../sim/compare/metrics.ts';
import type { TaskSpan } from '../../../sim/compare/task-spans.ts';
import { taskSpans } from '../../../sim/compare/task-spans.ts';
import { worldOf } from '../../../sim/compare/world.ts';
import type { MachineProfile } from '../../../sim/machine/index.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import { simulate, simulateUntraced } from '../../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { besideWith } from '../../support/machines.ts';

const sizes = {
  'world.gemm': 'wgmma',
  'model.tokens': '1024',
  launches: '1',
  'world.blocks': '17',
};

function world(set: Readonly<Record<string, string>> = {}): Scenario {
  return loadScenario('scenarios/shared-h200-2.yaml', { ...sizes, ...set });
}

function traceOf(set: Readonly<Record<string, string>> = {}, machine?: MachineProfile): Trace {
  return simulate(world(set), { machine }).trace;
}

function spansOf(trace: Trace): readonly TaskSpan[] {
  return taskSpans(trace, worldOf(trace), launchRows(trace)[0]!);
}

/** Most tasks open at once on any processor, by a key of their own; spans that only touch do not overlap. */
function mostOpen(spans: readonly TaskSpan[]): number {
  const changes = spans.flatMap(({ rank, processor, started, finished }) => [
    { key: rank * 1000 + processor, time: started, by: 1 },
    { key: rank * 1000 + processor, time: finished, by: -1 },
  ]);
  changes.sort((x, y) => x.time - y.time || x.by - y.by);
  const open = new Map<number, number>();
  let most = 0;
  for (const { key, by } of changes) {
    const now = (open.get(key) ?? 0) + by;
    open.set(key, now);
    most = Math.max(most, now);
  }
  return most;
}

/** When each task left the mailbox, by rank and task. */
function consumedAt({ events }: Trace): Map<string, number> {
  const consumed = new Map<string, number>();
  for (let row = 0; row < events.time.length; row++) {
    if (events.kind[row] !== EventKind.TaskConsumed) continue;
    consumed.set(`${events.rank[row]}:${events.a[row]}`, events.time[row]!);
  }
  return consumed;
}

const isTile = ({ op }: TaskSpan): boolean => op !== 'COMBINE';

describe('a kernel with COMBINE beside tiles', () => {
  test('runs one tile and one COMBINE at once, or two COMBINEs, never two tiles', () => {
    const spans = spansOf(traceOf());
    expect(mostOpen(spans)).toBe(2);
    expect(mostOpen(spans.filter(isTile))).toBe(1);
    expect(mostOpen(spans.filter((span) => !isTile(span)))).toBe(2);
  });

  test('a processor without a tile takes part in COMBINE itself, faster than its helpers', () => {
    const rates = { asideBytesPerNs: 2, wideBytesPerNs: 40 };
    const slow = traceMetrics(traceOf({}, besideWith({ ...rates, wideBytesPerNs: 2 })));
    const fast = traceMetrics(traceOf({}, besideWith(rates)));
    expect(fast.makespanNs.median).toBeLessThan(slow.makespanNs.median);
  });

  test.each([
    // Copy 15 of 32 goes out when 10 steps have given back their stages: 22 are left.
    [2048, 22 / 32 - 0.005, 22 / 32 + 0.005],
    // Copy 3 of 8 goes out when the tile before has two steps left: the ring has six stages.
    [512, 1, Number.POSITIVE_INFINITY],
  ])(
    'depth %i: a tile leaves the mailbox when half of the copies before it are issued',
    (depth, least, most) => {
      // One processor, so that tiles follow each other; few experts, so that most find their weights in L2.
      const one = { 'world.ranks': '1', 'world.blocks': '2', 'model.experts': '2' };
      const deep = { 'model.hidden': `${depth}`, 'model.intermediate': `${depth}` };
      const tile = { 'tiles.rows': '128', 'tiles.cols': '128' };
      const trace = traceOf({ ...one, ...deep, ...tile }, besideWith({ asideShare: 0 }));
      const fixed = Number(trace.header.machine.facts['gemmTaskNs']);
      const consumed = consumedAt(trace);
      const spans = spansOf(trace)
        .filter(isTile)
        .sort((x, y) => x.started - y.started)
        .map((span) => ({ ...span, consumed: consumed.get(`${span.rank}:${span.task}`)! }));
      const work = ({ started, finished }: TaskSpan): number => finished - started - fixed;
      const shortest = Math.min(...spans.map(work));
      // Those behind a tile that waited for nothing but its products; a doorbell that came late left the mailbox late.
      const before = spans.slice(0, -1).map((span, n) => ({ span, next: spans[n + 1]! }));
      const alike = before.filter(({ span }) => work(span) <= shortest * 1.001);
      const shares = alike.map(
        ({ span, next }) => (span.finished - fixed - next.consumed) / work(span),
      );
      expect(shares.length).toBeGreaterThan(10);
      expect(Math.max(...shares)).toBeGreaterThan(least);
      expect(Math.max(...shares)).toBeLessThan(most);
    },
  );

  test('COMBINEs and tiles leave the mailbox before they begin', () => {
    const trace = traceOf();
    const consumed = consumedAt(trace);
    const waits = { tile: 0, combine: 0 };
    for (const span of spansOf(trace)) {
      const wait = span.started - consumed.get(`${span.rank}:${span.task}`)!;
      expect(wait).toBeGreaterThanOrEqual(0);
      waits[isTile(span) ? 'tile' : 'combine'] += wait;
    }
    expect(Math.min(waits.tile, waits.combine)).toBeGreaterThan(0);
  });

  test.each([1, 3])('no more than %i COMBINE tasks wait with a processor', (combineWaiting) => {
    const { events, header } = traceOf({}, besideWith({ combineWaiting, asideBytesPerNs: 0.2 }));
    const world = worldOf({ events, header });
    const waiting = new Map<number, number>();
    let most = 0;
    const isCombine = new Set(
      spansOf({ events, header })
        .filter((span) => !isTile(span))
        .map(({ task }) => task),
    );
    for (let row = 0; row < events.time.length; row++) {
      if (!isCombine.has(events.a[row]!)) continue;
      const kind = events.kind[row];
      if (kind !== EventKind.TaskConsumed && kind !== EventKind.TaskStarted) continue;
      const key = events.rank[row]! * 65_536 + events.actor[row]!;
      const now = (waiting.get(key) ?? 0) + (kind === EventKind.TaskConsumed ? 1 : -1);
      waiting.set(key, now);
      most = Math.max(most, now);
    }
    expect(world.processors).toEqual([16, 16]);
    expect(most).toBe(combineWaiting);
  });

  test('a COMBINE beside a tile slows it by the share it takes', () => {
    // One expert and one processor: a GEMM1 tile runs beside the COMBINE of the one before it.
    const one = { 'world.ranks': '1', 'world.blocks': '2', 'model.tokens': '128' };
    const end = (asideShare: number): number =>
      traceMetrics(traceOf(one, besideWith({ asideShare }))).makespanNs.median;
    expect(end(0.5)).toBeGreaterThan(end(0));
  });

  test.each([
    ['eager, direct', {}],
    ['lazy', { readiness: 'lazy' }],
    ['two GPUs', { 'world.gpus': '2' }],
    ['two GPUs, put', { 'world.gpus': '2', 'world.transport': 'put' }],
    ['in pairs', { 'world.blocks': '34', 'tiles.rows': '72', 'tiles.cols': '192' }],
    ['interleave', { policy: 'interleave' }],
  ])('%s: is judged and measured without a trace as with one', (_, set) => {
    const scenario = world(set);
    let check!: OnlineCheck;
    simulateUntraced(scenario, (facts) => (check = new OnlineCheck(facts)));
    const summary = check.summary();
    const metrics = traceMetrics(simulate(scenario).trace);
    expect(summary.violations).toEqual([]);
    expect(summary.rankLaunchesJudged).toBe(summary.rankLaunches);
    expect(summary.makespanNs).toBe(metrics.makespanNs.max);
    expect(summary.utilisation).toBeCloseTo(metrics.utilisation, 12);
  });

  test.each([
    ['two tiles', (tile: boolean) => tile],
    ['three COMBINEs', (tile: boolean) => !tile],
  ])('%s at once are named without a trace too', (_, moved) => {
    const tiles = new Set(
      spansOf(traceOf())
        .filter(isTile)
        .map(({ task }) => task),
    );
    let check!: OnlineCheck;
    simulateUntraced(world(), (facts) => {
      check = new OnlineCheck(facts);
      return {
        // Every task of the kind starts on processor 0.
        add(time, launch, rank, actor, kind, aux, a, b): void {
          const there = kind === EventKind.TaskStarted && moved(tiles.has(a));
          check.add(time, launch, rank, there ? 0 : actor, kind, aux, a, b);
        },
      };
    });
    expect(check.summary().violations[0]).toMatchObject({
      id: 'S1',
      message: expect.stringMatching(/^processor 0 starts task \d+ while it runs task \d+$/),
    });
  });
});
