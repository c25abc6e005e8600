import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkTrace } from '../../sim/check/check-trace.ts';
import type { InvariantId } from '../../sim/check/report.ts';
import { matchTaskSets } from '../../sim/compare/task-sets.ts';
import { simulate } from '../../sim/systems/fused/simulate.ts';
import type { Trace } from '../../sim/trace/trace.ts';
import { buildEmulator, emulateKernel } from '../support/emulated-kernel.ts';
import { scenarios } from './simulator-worlds.ts';

/** What every trace of the kernel decides. */
const decided: ReadonlySet<InvariantId> = new Set([
  ...(['L2', 'L4', 'L5', 'L6', 'L8'] as const),
  ...(['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8'] as const),
  ...(['T1', 'T2', 'T3', 'T4', 'T5'] as const),
]);

/** Violations, and invariants left undecided that a trace decides. Work conservation is left out: the emulator's clock counts turns. */
function complaints(trace: Trace): string[] {
  const { monitors } = checkTrace(trace);
  return monitors.flatMap(({ id, verdict, violations }) => {
    if (id.startsWith('W')) return [];
    if (verdict === 'violated') return [`${id}: ${violations[0]?.message}`];
    return decided.has(id) && verdict !== 'held' ? [`${id}: ${verdict}`] : [];
  });
}

beforeAll(() => buildEmulator('emulate'), 240_000);

describe("the kernel's own code on the emulated GPU", () => {
  const worlds = scenarios({ 'world.gpus': '1', policy: 'fifo' });

  test('computes what fp64 computes, and its trace shows every invariant that a trace can show', () => {
    fc.assert(
      fc.property(worlds, fc.nat(1_000_000), (scenario, seed) => {
        expect(complaints(emulateKernel(scenario, seed))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  }, 240_000);

  test('does both with its GEMMs on wgmma, where tasks overlap', () => {
    const direct = scenarios({ 'world.gpus': '1', policy: 'fifo', 'world.transport': 'direct' });
    fc.assert(
      fc.property(direct, fc.nat(1_000_000), (scenario, seed) => {
        const trace = emulateKernel(scenario, seed, 'wgmma');
        expect(complaints(trace)).toEqual([]);
        expect(matchTaskSets(simulate(scenario).trace, trace).mismatches).toEqual([]);
      }),
      { numRuns: 20 },
    );
  }, 240_000);

  test('does both where a pair of blocks is a processor', () => {
    const wide = { 'world.gemm': 'wgmma', 'tiles.rows': '72', 'tiles.cols': '192' };
    const direct = { 'world.gpus': '1', policy: 'fifo', 'world.transport': 'direct' };
    const inPairs = scenarios({ ...direct, ...wide, 'world.blocks': '6' });
    fc.assert(
      fc.property(inPairs, fc.nat(1_000_000), (scenario, seed) => {
        const trace = emulateKernel(scenario, seed, 'wgmma');
        expect(trace.header.ranks[0]!.processors).toBe(2);
        expect(complaints(trace)).toEqual([]);
        expect(matchTaskSets(simulate(scenario).trace, trace).mismatches).toEqual([]);
      }),
      { numRuns: 8 },
    );
  }, 240_000);

  test('runs the tasks that the simulator runs', () => {
    fc.assert(
      fc.property(worlds, fc.nat(1_000_000), (scenario, seed) => {
        const match = matchTaskSets(simulate(scenario).trace, emulateKernel(scenario, seed));
        expect(match.mismatches).toEqual([]);
        expect(match.launches.length).toBe(scenario.launches);
      }),
      { numRuns: 10 },
    );
  }, 240_000);
});
