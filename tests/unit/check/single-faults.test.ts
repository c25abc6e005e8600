import { describe, expect, it } from 'vitest';

import { checkTrace } from '../../../sim/check/check-trace.ts';
import type { InvariantId, MonitorResult } from '../../../sim/check/report.ts';
import { gemm0Tasks, shapeOf } from '../../../sim/moe/layout.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { edited, isKind } from '../../support/edit-trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import type { LegalWorld } from '../../support/legal-world.ts';
import { starvation } from '../../support/more-corruptions.ts';

function result(trace: Trace, id: InvariantId): MonitorResult {
  return checkTrace(trace).monitors.find((monitor) => monitor.id === id)!;
}

const uneven: Partial<LegalWorld> = { spread: 20_000, launches: 1 };

describe('W2, work conservation in the strict sense', () => {
  it('is refuted for eager readiness, which does not promise it', () => {
    const w2 = result(legalTrace({ ...uneven, readiness: 'eager' }), 'W2');
    expect(w2).toMatchObject({ verdict: 'violated', promised: false });
    expect(w2.violations[0]?.message).toMatch(/tasks and \d+ idle processors waited \d+ ns/);
  });

  it('holds for lazy readiness on the same tasks', () => {
    const w2 = result(legalTrace({ ...uneven, readiness: 'lazy' }), 'W2');
    expect(w2).toMatchObject({ verdict: 'held', promised: true });
  });

  it('catches a world that says lazy and is eager', () => {
    const trace = legalTrace({ ...uneven, readiness: 'eager' });
    const posing: Trace = { ...trace, header: { ...trace.header, readiness: 'lazy' } };
    expect(result(posing, 'W2')).toMatchObject({ verdict: 'violated', promised: true });
    expect(checkTrace(posing).clean).toBe(false);
  });
});

describe('L8, widths', () => {
  it('sees that a row count was cut to eight bits', () => {
    const world: Partial<LegalWorld> = { tokens: [700, 700], rows: () => 300, tileRows: 128 };
    expect(result(legalTrace(world), 'L8').verdict).toBe('held');
    const cut = edited(legalTrace(world), (records) => {
      const sent = records.find((r) => isKind(r, 'SignalSent') && (r.b & 0xfffffff) === 300)!;
      sent.b = sent.b - 300 + 44;
    });
    expect(result(cut, 'L8').violations[0]?.message).toBe(
      'signal says 44 rows: the low bits of 300',
    );
  });

  it('sees a task outside the task space', () => {
    const far = edited(legalTrace(), (records) => {
      records.find((r) => isKind(r, 'TaskCommitted'))!.a = 2 ** 28;
    });
    expect(result(far, 'L8').verdict).toBe('violated');
  });
});

describe('kept rows', () => {
  it('above the capacity break L6', () => {
    const world: Partial<LegalWorld> = { rows: (_, source) => (source === 0 ? 41 : 0) };
    expect(result(legalTrace(world), 'L6').violations[0]?.message).toBe(
      'rank 0 keeps 41 rows for expert 0, its capacity is 40',
    );
  });

  it('that are more than tokens times k break S2', () => {
    const world: Partial<LegalWorld> = { rows: () => 30 };
    expect(result(legalTrace(world), 'S2').violations[0]?.message).toBe(
      'rank 0 keeps 120 rows of 80 routed ones',
    );
  });
});

describe('L4, queue capacity', () => {
  it('sees a ring that is overrun before its entries are read', () => {
    // A hidden size of one tile: the processors' queue holds one entry a row block, and is filled three times over.
    const trace = legalTrace({ launches: 1 });
    const shape = shapeOf(trace.header.scenario as Scenario);
    const flooded = edited(trace, (records) => {
      const ready = records.findIndex((r) => isKind(r, 'TasksReady') && r.a >= gemm0Tasks(shape));
      const entry = records[ready]!;
      const copies = Array.from({ length: 100 }, () => ({ ...entry }));
      records.splice(ready, 0, ...copies);
    });
    expect(result(flooded, 'L4').violations[0]?.message).toMatch(/holds more than its \d+ entries/);
  });
});

describe('S10, order within a queue', () => {
  const swapTickets = (trace: Trace): Trace =>
    edited(trace, (records) => {
      const queue = records.filter(
        (r) => isKind(r, 'TasksReady') && r.rank === 0 && r.aux === 2 && r.launch === 0,
      );
      const [first, second] = [queue[0]!, queue[queue.length - 1]!];
      [first.b, second.b] = [second.b, first.b];
    });

  it('is broken by entries served out of ticket order', () => {
    const s10 = result(swapTickets(legalTrace()), 'S10');
    expect(s10.violations[0]?.message).toMatch(/committed before an earlier entry of queue 2/);
  });

  it('is not asked of a policy that reorders what it has read', () => {
    expect(result(swapTickets(legalTrace({ policy: 'static' })), 'S10').verdict).toBe('held');
  });

  it('lets tickets wrap at 20 bits', () => {
    const wrapped = edited(legalTrace(), (records) => {
      for (const r of records) {
        if (!isKind(r, 'TasksReady')) continue;
        const ticket = ((r.b >>> 12) + 2 ** 20 - 5) % 2 ** 20;
        r.b = (r.b & 0xfff) + ticket * 4096;
      }
    });
    expect(result(wrapped, 'S10').verdict).toBe('held');
    expect(checkTrace(wrapped).clean).toBe(true);
  });
});

describe('S6, doorbells', () => {
  it('lets the sequence wrap at 31 bits', () => {
    const wrap = 2 ** 31;
    const shifted = edited(legalTrace(), (records) => {
      for (const r of records) {
        const shift = (sequence: number): number => (sequence + wrap - 4) % wrap;
        if (isKind(r, 'TaskCommitted', 'TaskConsumed', 'TaskStarted')) r.b = shift(r.b);
        else if (isKind(r, 'Interrupt') && r.aux < 0x8000) r.b = shift(r.b);
        else if (isKind(r, 'Exit') && r.actor < 96) r.b = shift(r.b);
        else if (isKind(r, 'ProcessorReady')) r.a = shift(r.a);
      }
    });
    expect(checkTrace(shifted).monitors.filter(({ verdict }) => verdict === 'violated')).toEqual(
      [],
    );
  });
});

describe('W3, bounds from below', () => {
  it('catches a chain of tasks that the makespan has no room for', () => {
    // One GEMM0, two GEMM1: the one on another processor is made to start with the GEMM0.
    const trace = legalTrace({
      expertsPerRank: [1],
      tokens: [16],
      topK: 1,
      hidden: 128,
      intermediate: 64,
      rows: () => 16,
      launches: 1,
      spread: 20_000,
    });
    expect(result(trace, 'W3').verdict).toBe('held');
    const shape = shapeOf(trace.header.scenario as Scenario);
    const early = edited(trace, (records) => {
      const gemm0 = records.find((r) => isKind(r, 'TaskStarted') && r.a < gemm0Tasks(shape))!;
      const gemm1 = records.filter((r) => r.a === gemm0Tasks(shape) + 1 && r.actor !== gemm0.actor);
      const moved = gemm1.filter((r) => isKind(r, 'TaskConsumed', 'TaskStarted'));
      expect(moved).toHaveLength(2);
      for (const r of moved) r.time = gemm0.time;
    });
    expect(result(early, 'W3').violations[0]?.message).toMatch(
      /critical path of \d+ ns in a makespan of \d+ ns/,
    );
  });
});

describe('W3, links', () => {
  const onTwoGpus = (linkBytesPerNs: number): Trace => {
    const { header, events } = legalTrace({ launches: 1 });
    const scenario = header.scenario as Scenario;
    const world = { ...scenario.world, gpus: 2 };
    const machine = { name: 'two GPUs', facts: { linkBytesPerNs } };
    return { header: { ...header, scenario: { ...scenario, world }, machine }, events };
  };

  it('carry the bytes put over them in the time of the launch', () => {
    expect(result(onTwoGpus(400), 'W3').verdict).toBe('held');
    expect(result(onTwoGpus(0.5), 'W3').violations[0]?.message).toMatch(
      /^\d+ bytes over the link of GPU 0 at 0.5 B\/ns in a makespan of \d+ ns$/,
    );
  });
});

describe('W6, bounded wait', () => {
  it('catches a task that later ones pass again and again', () => {
    const world = { tokens: [1600, 1600], rows: () => 400, subscribers: 1, launches: 1 };
    expect(result(legalTrace(world), 'W6').verdict).toBe('held');
    const starved = starvation.apply(legalTrace(world));
    expect(result(starved!, 'W6').violations[0]?.message).toMatch(
      /was passed by \d+ later tasks, bound \d+/,
    );
  });
});
