import { describe, expect, it } from 'vitest';
import { decodeRing, type Ring } from '../../../sim/gpu/ring.ts';
import { addRings } from '../../../sim/gpu/ring-trace.ts';
import { TraceBuilder } from '../../../sim/trace/builder.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { type RecordFields, ringBytes } from '../../support/ring-bytes.ts';

const base = 1_800_000_000_000_000_000n;

/** A ring on a clock of half a nanosecond a tick that starts `startNs` after the launch's origin. */
function ring(actor: number, startNs: number, records: readonly RecordFields[], lost = 0): Ring {
  const anchors = [base + BigInt(startNs), base + BigInt(startNs + 32_000)] as const;
  const written = records.length + lost;
  const capacity = records.length;
  return decodeRing(
    'ring',
    ringBytes({ actor, launch: 3, anchors, ticks: [77n, 64_077n], records, written, capacity }),
  );
}

const onOneGpu = (): number => 0;

/** A builder that also keeps what was added, in order: time, launch, rank, actor. */
class Spy extends TraceBuilder {
  readonly added: [number, number, number, number][] = [];
  override add(time: number, launch: number, rank: number, actor: number): void {
    this.added.push([time, launch, rank, actor]);
  }
}

describe('a trace from rings', () => {
  it('puts all ranks on one time line in integer nanoseconds', () => {
    const first = ring(0, 0, [
      [0, EventKind.LaunchBegin, 0, 3, 4],
      [201, EventKind.TaskStarted, 0, 11, 1],
    ]);
    const second = ring(32, 320, [[100, EventKind.LaunchBegin, 0, 3, 4]]);
    const spy = new Spy();
    const facts = addRings(spy, [[[first], [second]]], onOneGpu);
    const origin = spy.added[0]![0];
    expect(spy.added.map(([time, ...rest]) => [time - origin, ...rest])).toEqual([
      [0, 3, 0, 0],
      [101, 3, 0, 0],
      [370, 3, 1, 32],
    ]);
    expect(facts.nsPerTick).toBe(0.5);
    expect(facts.lostEvents).toEqual([0, 0]);
  });

  it('adds up what full rings lost, by rank', () => {
    const begin: RecordFields = [0, EventKind.LaunchBegin, 0, 3, 4];
    const rings = [[ring(0, 0, [begin], 5), ring(32, 0, [begin], 2)], [ring(0, 0, [begin])]];
    expect(addRings(new TraceBuilder(), [rings, rings], onOneGpu).lostEvents).toEqual([14, 0]);
  });

  it('moves a record that went back up to its predecessor, and widens the residual by that', () => {
    const orderly = ring(0, 0, [
      [0, EventKind.LaunchBegin, 0, 3, 4],
      [500, EventKind.Sweep, 0, 0, 0],
    ]);
    const unruly = ring(0, 0, [
      [500, EventKind.SignalObserved, 0, 0, 0],
      [480, EventKind.SignalObserved, 0, 1, 0],
    ]);
    const straight = addRings(new TraceBuilder(), [[[orderly]]], onOneGpu);
    const spy = new Spy();
    const bent = addRings(spy, [[[unruly]]], onOneGpu);
    expect(spy.added[1]![0]).toBe(spy.added[0]![0]);
    expect(bent.residualNs.sameRank).toBe(straight.residualNs.sameRank + 10);
    expect(bent.method).toContain('records up to 10 ns out of order moved up');
    expect(straight.method).not.toContain('out of order');
  });

  it('aligns a second GPU by the signals between them', () => {
    const sent = (flag: number): RecordFields => [1000, EventKind.SignalSent, 1, flag, 0];
    const away = ring(0, 0, [sent(7), [4000, EventKind.SignalObserved, 1, 8, 0]]);
    // Its timer runs 1 s ahead; both signals took 1000 ns.
    const other = ring(0, 1_000_000_000, [
      [2000, EventKind.SignalSent, 0, 8, 0],
      [3000, EventKind.SignalObserved, 0, 7, 0],
    ]);
    const spy = new Spy();
    const facts = addRings(spy, [[[away], [other]]], (rank) => rank);
    expect(spy.added.map(([time]) => time - spy.added[0]![0])).toEqual([0, 1500, 500, 1000]);
    expect(facts.residualNs.crossRank - facts.residualNs.sameRank).toBe(1000);
    expect(facts.method).toContain('GPUs aligned by the fastest signals');
  });
});
