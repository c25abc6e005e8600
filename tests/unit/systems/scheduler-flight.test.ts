import { describe, expect, test } from 'vitest';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import { simulate } from '../../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { machineWith } from '../../support/machines.ts';

const times = { statusPollNs: 500, queuePollNs: 0, sweepNs: 1000, placementNs: 700, statusNs: 130 };

/** One iteration that placed: when its placements began and ended, and when the status words of the next were loaded. */
interface Iteration {
  readonly end: number;
  readonly landed: number;
}

describe('the scheduler', () => {
  test('sees what becomes visible while it places an iteration later', () => {
    const sizes = {
      'world.ranks': '1',
      'world.blocks': '33',
      'model.tokens': '2048',
      launches: '1',
      // Tasks end one by one, so that some mailboxes become free while doorbells are rung.
      'noise.durationPpm': '300000',
    };
    const scenario = loadScenario('scenarios/shared-h200-2.yaml', sizes);
    const { trace } = simulate(scenario, { machine: machineWith(times) });
    const { time, kind, actor, aux, b } = trace.events;
    const scheduler = 32 * 32;
    // A processor that has taken a task has a free mailbox; before its first it is free from the start.
    const visible = new Map<string, number>();
    for (let row = 0; row < time.length; row++) {
      if (kind[row] !== EventKind.TaskConsumed) continue;
      visible.set(`${actor[row]! / 32}:${b[row]}`, time[row]! + times.statusNs);
    }
    let first = Number.NaN;
    let last: Iteration | undefined;
    let before: Iteration | undefined;
    // Of each status that was seen right after placements: how long after its flight had landed it became visible.
    const sinceLanded: number[] = [];
    let late = 0;
    for (let row = 0; row < time.length; row++) {
      if (actor[row] !== scheduler) continue;
      const now = time[row]!;
      if (kind[row] === EventKind.TaskCommitted && Number.isNaN(first)) first = now;
      if (kind[row] === EventKind.Sweep) {
        before = last;
        last = { end: now, landed: first + times.statusPollNs };
        first = Number.NaN;
      }
      if (kind[row] !== EventKind.ProcessorReady || last === undefined) continue;
      const since = visible.get(`${aux[row]}:${trace.events.a[row]}`);
      if (since === undefined) continue;
      if (now < Math.max(last.end, last.landed) + times.statusPollNs) {
        sinceLanded.push(since - last.landed);
      }
      if (before !== undefined && since > before.landed && since <= before.end) late++;
    }
    expect(sinceLanded.length).toBeGreaterThan(10);
    expect(Math.max(...sinceLanded)).toBeLessThanOrEqual(0);
    expect(late).toBeGreaterThan(10);
  });
});
