import { describe, expect, it } from 'vitest';
import { distribution } from '../../../sim/compare/distribution.ts';
import { traceMetrics } from '../../../sim/compare/metrics.ts';
import { besideLaunch, type HandEvent, handLaunch, handTrace } from './hand-trace.ts';

describe('distribution', () => {
  it('reports samples that were measured, by nearest rank', () => {
    expect(distribution([5, 1, 4, 2, 3])).toEqual({
      count: 5,
      sum: 15,
      min: 1,
      p10: 1,
      median: 3,
      p90: 5,
      max: 5,
    });
  });

  it('is zero without samples', () => {
    expect(distribution([])).toMatchObject({ count: 0, median: 0 });
  });
});

describe('metrics of one launch', () => {
  const metrics = traceMetrics(handTrace(handLaunch(0)));

  it('makespan is from the first event to the last', () => {
    expect(metrics.makespanNs.median).toBe(1000);
  });

  it('task durations are from started to finished, by operation', () => {
    expect(metrics.taskNs.GEMM0).toMatchObject({ count: 1, median: 300 });
    expect(metrics.taskNs.GEMM1).toMatchObject({ count: 1, median: 200 });
    expect(metrics.taskNs.COMBINE).toMatchObject({ count: 1, median: 100 });
  });

  it('every nanosecond of a processor is in one state', () => {
    const ns = (share: number): number => Math.round(share * 2000);
    const { share } = metrics;
    expect(ns(share.prologue)).toBe(200);
    expect(ns(share.GEMM0)).toBe(300);
    expect(ns(share.GEMM1)).toBe(200);
    expect(ns(share.COMBINE)).toBe(100);
    // One GEMM0 is ready from 150 to 200 while both processors idle: one of them waits for the scheduler.
    expect(ns(share.scheduler)).toBe(50);
    // A signal with one task flies from 100 to 150 and from 700 to 800: one processor waits for the network.
    expect(ns(share.network)).toBe(150);
    // GEMM1 and COMBINE are unready until 500 and 800: 100-150 one, 150-200 one, 200-500 one, 500-700 one.
    expect(ns(share.dependency)).toBe(50 + 50 + 300 + 200);
    expect(ns(share['no task'])).toBe(100 + 100 + 100);
    expect(ns(share.exited)).toBe(100);
    expect(Object.values(share).reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 12);
  });

  it('utilisation counts tasks; resident utilisation counts spinning too', () => {
    expect(metrics.utilisation).toBeCloseTo(600 / 2000, 12);
    expect(metrics.residentUtilisation).toBeCloseTo(1900 / 2000, 12);
  });

  it('work conservation loss is the time a processor idles beside a ready task', () => {
    expect(metrics.workConservationLossNs).toBeCloseTo(50, 9);
  });

  it('no task ran while a signal was in flight', () => {
    expect(metrics.overlap).toBe(0);
  });

  it('latencies are from an event to the one it leads to', () => {
    const { latencyNs } = metrics;
    expect(latencyNs.dispatch).toMatchObject({ count: 2, median: 100 });
    expect(latencyNs.signal).toMatchObject({ count: 2, min: 50, max: 100 });
    expect(latencyNs.readyToCommitted).toMatchObject({ count: 3, max: 30 });
    expect(latencyNs.committedToStarted).toMatchObject({ count: 3, max: 20 });
    expect(latencyNs.gate.count).toBe(0);
  });
});

describe('metrics of a launch with a COMBINE beside GEMM tiles', () => {
  const metrics = traceMetrics(handTrace(besideLaunch));

  it('pair starts and finishes by task', () => {
    expect(metrics.taskNs.GEMM0).toMatchObject({ count: 1, sum: 300 });
    expect(metrics.taskNs.GEMM1).toMatchObject({ count: 1, sum: 200 });
    expect(metrics.taskNs.COMBINE).toMatchObject({ count: 1, sum: 200 });
  });

  it('count the time of the processor once, for the tile', () => {
    const { share, utilisation } = metrics;
    expect(utilisation).toBeCloseTo(500 / 2000, 12);
    expect([share.GEMM0, share.GEMM1, share.COMBINE]).toEqual([300 / 2000, 200 / 2000, 0]);
    expect(Object.values(share).reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 12);
  });

  it('count what of the COMBINE is not beside a tile, and leave the other processor idle', () => {
    const longer = besideLaunch.map((event): HandEvent => {
      return event[0] === 600 ? ([800, ...event.slice(1)] as never) : event;
    });
    const { share, utilisation } = traceMetrics(handTrace(longer.toSorted((x, y) => x[0] - y[0])));
    expect(share.COMBINE).toBeCloseTo(100 / 2000, 12);
    expect(utilisation).toBeCloseTo(600 / 2000, 12);
  });
});

describe('launches', () => {
  it('leaves out a warm-up launch where there is another', () => {
    const slow = handLaunch(0).map((event) => [event[0] * 3, ...event.slice(1)]) as never;
    const metrics = traceMetrics(handTrace([...(slow as []), ...handLaunch(1)]));
    expect(metrics).toMatchObject({ launches: [1], skippedWarmUp: true });
    expect(metrics.makespanNs).toMatchObject({ count: 1, median: 1000 });
  });

  it('keeps the first launch of a file that starts after the warm-up', () => {
    const trace = handTrace([...handLaunch(3), ...handLaunch(4)], { firstLaunch: 3 });
    expect(traceMetrics(trace)).toMatchObject({ launches: [0, 1], skippedWarmUp: false });
  });
});

describe('a signal seen before it was sent by the clocks', () => {
  it('was never in flight', () => {
    const events = handLaunch(0).map((event) =>
      event[4] === 'SignalObserved' && event[6] === 0 ? ([90, ...event.slice(1)] as never) : event,
    );
    expect(traceMetrics(handTrace(events)).share.network * 2000).toBeCloseTo(100, 6);
  });
});
