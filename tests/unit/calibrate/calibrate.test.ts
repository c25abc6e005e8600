import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  assumedProfile,
  calibrate,
  type NamedTrace,
  profileText,
} from '../../../sim/calibrate/calibrate.ts';
import { fittedSource } from '../../../sim/calibrate/derive.ts';
import { parsePlan } from '../../../sim/calibrate/plan.ts';
import { calibrationPlan, namedTraces } from '../../../sim/cli/calibration-traces.ts';
import {
  type ConstantName,
  loadMachineProfile,
  type Machine,
  type MachineProfile,
  machineOf,
} from '../../../sim/machine/index.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import type { GemmPath } from '../../../sim/moe/scenario.ts';
import { simulate } from '../../../sim/systems/fused/simulate.ts';
import { EventKind, type EventKindName } from '../../../sim/trace/generated/events.ts';

const h200 = loadMachineProfile('h200');

/** Layers that bind memory and tensor cores, and with few and many counts to read and processors to sweep, as recorded ones do. */
const layers: readonly Readonly<Record<string, string>>[] = [
  { 'model.tokens': '2048', 'model.hidden': '2048', 'model.experts': '8', 'tiles.rows': '256' },
  { 'model.tokens': '2048', 'model.hidden': '1024', 'model.experts': '8', 'tiles.rows': '256' },
  { 'model.tokens': '512', 'model.hidden': '1024', 'model.experts': '64' },
  { 'model.tokens': '128', 'model.hidden': '1024', 'model.experts': '8' },
  { 'world.gpus': '1', 'world.ranks': '4', 'model.tokens': '256', 'model.experts': '16' },
];

/** Traces that the simulator makes on a machine: what they are fitted to is known. */
function madeOn(
  machine: MachineProfile,
  gemm: GemmPath,
  tiles: Readonly<Record<string, string>> = {},
): NamedTrace[] {
  return layers.map((layer, i) => {
    const set = { ...layer, ...tiles, 'world.gemm': gemm, launches: '1' };
    const scenario = loadScenario('scenarios/one-h200.yaml', set);
    return { name: `made-${i}`, trace: simulate(scenario, { machine }).trace };
  });
}

/** A trace whose events of one kind are of none that anybody reads. */
function without({ name, trace }: NamedTrace, unread: EventKindName): NamedTrace {
  const kind = trace.events.kind.map((code) => (code === EventKind[unread] ? 0xff : code));
  return { name, trace: { ...trace, events: { ...trace.events, kind } } };
}

describe('calibration', () => {
  test.each(['mma', 'wgmma'] as const)('finds the constants of a simulated %s kernel', (gemm) => {
    const found = calibrate(h200, { [gemm]: madeOn(h200, gemm) });
    const ratio = (name: ConstantName): number =>
      machineOf(found, gemm)[name] / machineOf(h200, gemm)[name];
    const near: readonly ConstantName[] = ['atomicNs', 'gateNs', 'gateBytesPerNs'];
    const ratios = Object.fromEntries(near.map((name) => [name, ratio(name)]));
    expect(ratios).toEqual(Object.fromEntries(near.map((name) => [name, expect.closeTo(1, 1)])));
    // An iteration whose hand is still open polls no queues; the fit counts that poll for each.
    expect(Math.abs(ratio('placementNs') - 1)).toBeLessThan(0.1);
    expect(Math.abs(ratio('sweepNs') - 1)).toBeLessThan(0.2);
    // Simulated arrivals are stamped when their counter has answered, recorded ones before: the fit takes that off.
    expect(ratio('releaseNs')).toBeGreaterThan(0.75);
    expect(ratio('releaseNs')).toBeLessThan(1.1);
    expect(Math.abs(ratio('taskDecodeNs') - 1)).toBeLessThan(0.2);
    expect(ratio('gemmTaskNs')).toBeGreaterThan(0.5);
    expect(ratio('gemmTaskNs')).toBeLessThan(2);
  });

  test('finds the same rates of an SM in traces of pairs as in those of single blocks', () => {
    const pairs = madeOn(h200, 'wgmma', { 'tiles.cols': '256' });
    expect(pairs.map(({ trace }) => trace.header.ranks[0]!.processors)).toContain(65);
    const fit = (wgmma: NamedTrace[]): Machine => machineOf(calibrate(h200, { wgmma }), 'wgmma');
    const found = fit(pairs);
    const single = fit(madeOn(h200, 'wgmma'));
    for (const name of ['tensorFlopPerNs', 'gateBytesPerNs', 'smCopyBytesPerNs'] as const) {
      const ratio = found[name] / single[name];
      expect({ name, near: Math.abs(ratio - 1) < 0.15, ratio }).toMatchObject({ name, near: true });
    }
  });

  test.each([
    ['SignalObserved', 'releaseNs'],
    ['DispatchEnd', 'taskDecodeNs'],
  ] as const)('without %s says that %s has no sample', (kind, constant) => {
    const traces = madeOn(h200, 'wgmma').map((made) => without(made, kind));
    expect(() => calibrate(h200, { wgmma: traces })).toThrow(`no sample for ${constant}: `);
  });

  test('writes nothing but what it fits, and says of each constant where it is from', () => {
    const machine = calibrate(h200, { wgmma: madeOn(h200, 'wgmma') });
    expect(machine.constants).toEqual(h200.constants);
    expect(machine.kernels['mma']).toEqual(h200.kernels['mma']);
    const { constants, beside } = machine.kernels['wgmma']!;
    expect(constants.gateNs!.source).toMatch(
      /^fitted: .*\(made-0, made-1, made-2, made-3, made-4\)$/,
    );
    expect(beside!.combineWaiting).toEqual(h200.kernels['wgmma']!.beside!.combineWaiting);
  });

  test('of its own profile gives it again', () => {
    const traces = { wgmma: madeOn(h200, 'wgmma') };
    const once = calibrate(h200, traces);
    expect(profileText(calibrate(once, traces))).toBe(profileText(once));
    const { wgmma } = calibrate(assumedProfile(once), traces).kernels;
    expect(wgmma).toEqual(once.kernels['wgmma']);
  });
});

describe('the shipped profile of the H200', () => {
  test('is what its traces give', async () => {
    const { kernels } = calibrationPlan('.', 'h200');
    const traces: Record<string, readonly NamedTrace[]> = {};
    for (const [kernel, { fitted }] of Object.entries(kernels)) {
      traces[kernel] = await namedTraces('.', fitted);
    }
    const text = readFileSync('sim/machine/profiles/h200.json', 'utf8');
    expect(profileText(calibrate(h200, traces)) === text, 'run npm run calibrate').toBe(true);
  }, 30_000);

  test('has no fitted constant without its assumed fellow', () => {
    const assumed = assumedProfile(h200);
    for (const { constants } of Object.values(assumed.kernels)) {
      const sources = Object.values(constants).map(({ source }) => source);
      expect(sources.filter((source) => source.startsWith(fittedSource))).toEqual([]);
    }
    const sources = Object.values(h200.constants).map(({ source }) => source);
    expect(sources.filter((source) => source.startsWith(fittedSource))).toEqual([]);
  });
});

describe('a plan', () => {
  const plan = (fitted: readonly string[], heldOut: readonly string[]): string =>
    JSON.stringify({ profile: 'x', kernels: { mma: { fitted, heldOut, earlier: [] } } });

  test('keeps what is held out away from the fit', () => {
    expect(parsePlan(plan(['a', 'b'], ['c'])).kernels['mma']!.heldOut).toEqual(['c']);
    expect(() => parsePlan(plan(['a', 'b'], ['b']))).toThrow('trace b is named twice');
    expect(() => parsePlan(plan(['a'], []))).toThrow();
  });
});
