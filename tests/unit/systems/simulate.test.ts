import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../../sim/check/check-trace.ts';
import { parseScenario } from '../../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import { scenarioHash } from '../../../sim/moe/scenario-hash.ts';
import { fifo } from '../../../sim/policies/index.ts';
import type { PolicyDefinition } from '../../../sim/policies/policy.ts';
import { simulate } from '../../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { machineWith } from '../../support/machines.ts';

function scenario(set: Readonly<Record<string, string>> = {}): Scenario {
  const text = `
world: { ranks: 2, gpus: 1, machine: h200, blocks: 5 }
model: { tokens: [40, 24], hidden: 128, intermediate: 192, experts: 4, topK: 2 }
tiles: { rows: 16, cols: 64 }
launches: 3
seed: 7
`;
  return parseScenario(text, 'simulate.yaml', set);
}

function rowsOf(trace: Trace, kind: number): number[] {
  const rows: number[] = [];
  for (const [row, of] of trace.events.kind.entries()) if (of === kind) rows.push(row);
  return rows;
}

describe('the trace header', () => {
  test('says what was simulated, by what code, on what machine', () => {
    const input = scenario();
    const { header } = simulate(input).trace;
    expect(header).toMatchObject({
      source: 'simulator',
      scenario: input,
      scenarioHash: scenarioHash(input),
      launches: 3,
      firstLaunch: 0,
      readiness: 'eager',
      policy: 'fifo',
      ranks: [
        { blocks: 5, subscribers: 7 },
        { blocks: 5, subscribers: 7 },
      ],
      clock: { unit: 'ns', residualNs: { sameRank: 0, crossRank: 0 } },
      lostEvents: [0, 0],
      launchMs: [],
    });
    expect(header.producer.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(header.machine.name).toBe('h200');
    expect(header.machine.facts['doorbellNs']).toBe(262);
    expect(header.rows.length).toBe(3);
  });

  test('blocks fill the SMs where the scenario leaves them open, shared by the ranks of a GPU', () => {
    const blocks = (set: Record<string, string>): number =>
      simulate(scenario({ 'world.blocks': 'auto', launches: '1', ...set })).trace.header.ranks[0]!
        .blocks;
    expect(blocks({})).toBe(132);
    expect(blocks({ 'world.gpus': '2' })).toBe(264);
  });
});

describe('a scenario that cannot run', () => {
  test('blocks that could not be resident at once are refused', () => {
    expect(() => simulate(scenario({ 'world.blocks': '133' }))).toThrow(
      'world.blocks: expected 2 to 132, the blocks of a rank that are resident at once, got 133',
    );
    const machine = machineWith({ sms: 1 });
    expect(() => simulate(scenario(), { machine })).toThrow(
      'world.ranks: expected room for 2 blocks',
    );
  });

  test('an unknown policy or machine is refused by name', () => {
    expect(() => simulate(scenario({ policy: 'best' }))).toThrow('policy: expected one of fifo');
    expect(() => simulate(scenario({ 'world.machine': 'b300' }))).toThrow(
      'machine: expected one of h200',
    );
  });
});

describe('stopping early', () => {
  /** A signal that is aborted from the n-th look at it on. */
  function abortedAt(looks: number): AbortSignal {
    let seen = 0;
    const signal = new AbortController().signal;
    return new Proxy(signal, {
      get: (of, key) => (key === 'aborted' ? ++seen >= looks : Reflect.get(of, key)),
    });
  }

  const long = scenario({ launches: '150' });

  test('returns the launches that all ranks have ended, as a trace that checks clean', () => {
    const { trace, aborted } = simulate(long, { signal: abortedAt(1) });
    expect(aborted).toBe(true);
    const { launches } = trace.header;
    expect(launches).toBeGreaterThan(0);
    expect(launches).toBeLessThan(150);
    expect(Math.max(...trace.events.launch)).toBe(launches - 1);
    expect(trace.header.rows.length).toBe(launches);
    const report = checkTrace(trace);
    expect(report.monitors.flatMap(({ violations }) => violations)).toEqual([]);
    expect(report.monitors.find(({ id }) => id === 'T5')!.verdict).toBe('held');
    // The same events as in the whole run.
    const whole = simulate(long).trace.events;
    expect(trace.events.time).toEqual(whole.time.slice(0, trace.events.time.length));
  });

  test("throws the signal's reason when no launch has ended", () => {
    const big = scenario({ 'model.tokens': '20000', launches: '1' });
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    expect(() => simulate(big, { signal: controller.signal })).toThrow('enough');
  });

  test('progress counts launches, events and simulated time upwards', () => {
    const seen: number[][] = [];
    const result = simulate(long, {
      onProgress: ({ launch, launches, events, timeNs }) => {
        expect(launches).toBe(150);
        seen.push([launch, events, timeNs]);
      },
    });
    expect(seen.length).toBeGreaterThan(0);
    for (const [i, now] of seen.entries()) {
      for (const [field, value] of now.entries()) {
        expect(value).toBeGreaterThanOrEqual(seen[i - 1]?.[field] ?? 0);
      }
    }
    expect(result.aborted).toBe(false);
    expect(result.events).toBeGreaterThan(seen.at(-1)![1]!);
  });
});

describe("a policy of one's own", () => {
  const mine = (
    change: (policy: ReturnType<PolicyDefinition['create']>) => object,
  ): PolicyDefinition => ({
    ...fifo,
    name: 'mine',
    create: (context) => {
      const policy = fifo.create(context);
      return new Proxy(policy, {
        get: (of, key) => {
          const value = Reflect.get(change(of), key) ?? Reflect.get(of, key);
          return typeof value === 'function' ? value.bind(of) : value;
        },
      });
    },
  });

  test('is used by name', () => {
    const { trace } = simulate(scenario({ policy: 'mine' }), { policies: [mine(() => ({}))] });
    expect(trace.header.policy).toBe('mine');
    expect(trace.events).toEqual(simulate(scenario()).trace.events);
  });

  test('that never places anything is a deadlock, and is found, not waited for', () => {
    const idle = mine(() => ({ choose: () => false }));
    expect(() => simulate(scenario({ policy: 'mine' }), { policies: [idle] })).toThrow(
      /rank 0, launch 0, \d+ ns: deadlock: nothing is left to happen with 0 tasks scheduled/,
    );
  });

  test('that chooses a busy processor is stopped', () => {
    const stubborn = mine(() => ({ processor: 1 }));
    expect(() => simulate(scenario({ policy: 'mine' }), { policies: [stubborn] })).toThrow(
      'the policy chose processor 1, whose mailbox is not free',
    );
  });

  test('that invents a task is stopped', () => {
    const twice = mine((policy) => ({ task: policy.task - (policy.task % 2) }));
    expect(() => simulate(scenario({ policy: 'mine' }), { policies: [twice] })).toThrow();
  });
});

describe('mechanics', () => {
  test('idle polls cost no events: a rank that waits a millisecond longer costs none', () => {
    const events = (launchSkewNs: number): number => {
      const set = { 'noise.launchSkewNs': String(launchSkewNs) };
      return simulate(scenario(set), { machine: machineWith({ statusPollNs: 1, flagPollNs: 1 }) })
        .events;
    };
    expect(events(1_000_000)).toBeLessThan(events(0) * 1.2);
  });

  test('every rank signals every cell of every peer in every launch', () => {
    const input = scenario({ 'routing.kind': 'silent', 'routing.from': '0', 'routing.to': '1' });
    const { trace } = simulate(input);
    const cells = rowsOf(trace, EventKind.SignalSent)
      .filter((row) => trace.events.a[row]! < 4)
      .map((row) => {
        const { launch, rank, aux, a } = trace.events;
        return `${launch[row]} ${rank[row]}->${aux[row]} ${a[row]}`;
      });
    // 3 launches, 2 ranks, 4 experts.
    expect(new Set(cells).size).toBe(24);
    expect(cells.length).toBe(24);
  });

  test('flags of a peer that is a launch ahead are taken as no-ops of this one', () => {
    // A subscriber that starts late finds the next launch's signals on flags that were no-ops in its own.
    const machine = machineWith({ watchListNs: 60_000 });
    const input = scenario({
      'model.tokens': '[0, 1]',
      launches: '60',
      'noise.launchSkewNs': '300000',
    });
    const { trace } = simulate(input, { machine });
    const ahead = rowsOf(trace, EventKind.SignalObserved).filter((row) => {
      const { launch, b } = trace.events;
      return b[row]! >>> 28 === 1 + ((launch[row]! + 1) % 4);
    });
    expect(ahead.length).toBeGreaterThan(0);
    for (const row of ahead) expect(trace.events.b[row]! & 0xfffffff).toBe(0);
    expect(checkTrace(trace).clean).toBe(true);
  });

  test('put transport stages rows and puts whole cells after their last arrival', () => {
    const { trace } = simulate(scenario({ 'world.transport': 'put' }));
    const puts = rowsOf(trace, EventKind.Put).filter((row) => trace.events.b[row]! >>> 20 === 0);
    const { actor, kind } = trace.events;
    for (const row of puts) {
      const own = (other: number): boolean =>
        actor[other] === actor[row] && trace.events.rank[other] === trace.events.rank[row];
      let before = row - 1;
      while (!own(before)) before--;
      expect(kind[before]).toBe(EventKind.CellArrive);
    }
    // One put a cell with rows: 2 sources, 4 experts, 3 launches.
    expect(puts.length).toBe(trace.header.rows.flat(2).filter((n) => n > 0).length);
  });

  test('two blocks of one SM slow each other down, one block alone does not get all of it', () => {
    const set = { 'world.ranks': '1', 'world.gpus': '1', 'model.tokens': '2000', launches: '1' };
    const base = {
      sms: 4,
      blockShare: 0.5,
      smL2BytesPerNs: 1e9,
      hbmBytesPerNs: 1e9,
      smHbmBytesPerNs: 1e9,
    };
    const busy = (blocks: number, blockShare: number): number => {
      const machine = machineWith({ ...base, blockShare, tensorFlopPerNs: 10 });
      const input = scenario({ ...set, 'world.blocks': String(blocks) });
      const { events } = simulate(input, { machine }).trace;
      const gemm0: number[] = [];
      const started = new Map<number, number>();
      for (let row = 0; row < events.time.length; row++) {
        const time = events.time[row]!;
        const actor = events.actor[row]!;
        if (events.kind[row] === EventKind.TaskStarted) started.set(actor, time);
        if (events.kind[row] !== EventKind.TaskFinished || events.a[row] !== 0) continue;
        gemm0.push(time - started.get(actor)!);
      }
      return gemm0[0]!;
    };
    const work = (2 * 16 * 64 * 128) / 10;
    expect(busy(4, 1)).toBeGreaterThan(work);
    expect(busy(4, 1)).toBeLessThan(1.2 * work);
    expect(busy(4, 0.5) / busy(4, 1)).toBeCloseTo(2, 0);
    expect(busy(8, 1) / busy(4, 1)).toBeCloseTo(2, 0);
    // Halves of an SM do not disturb each other.
    expect(busy(8, 0.5) / busy(4, 0.5)).toBeCloseTo(1, 1);
  });
});
