import { describe, expect, test } from 'vitest';
import { checkTrace } from '../../../sim/check/check-trace.ts';
import { traceMetrics } from '../../../sim/compare/metrics.ts';
import { worldOf } from '../../../sim/compare/world.ts';
import type { MachineProfile } from '../../../sim/machine/index.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import { simulate } from '../../../sim/systems/fused/simulate.ts';
import { decodeTrace, encodeTrace } from '../../../sim/trace/store.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { machineWith } from '../../support/machines.ts';

const pair = { 'tiles.rows': '192', 'tiles.cols': '256' };

function world(set: Readonly<Record<string, string>> = {}): Scenario {
  const sizes = { 'world.gemm': 'wgmma', 'model.tokens': '1024', launches: '1', ...pair };
  return loadScenario('scenarios/shared-h200-2.yaml', { ...sizes, ...set });
}

const traceOf = (set: Readonly<Record<string, string>> = {}, machine?: MachineProfile): Trace =>
  simulate(world(set), { machine }).trace;

function refuted(trace: Trace): string[] {
  return checkTrace(trace)
    .monitors.filter(({ promised, violations }) => promised && violations.length > 0)
    .map(({ id }) => id);
}

describe('processors of two blocks', () => {
  test('are half as many, are told in the header, and break no invariant', async () => {
    const trace = await decodeTrace(encodeTrace(traceOf()));
    // Two ranks share 132 SMs.
    expect(trace.header.ranks[0]).toEqual({ blocks: 66, processors: 32, subscribers: 11 });
    expect(worldOf(trace).processors).toEqual([32, 32]);
    expect(refuted(trace)).toEqual([]);
    expect(traceOf({ 'tiles.cols': '128' }).header.ranks[0]).toEqual({
      blocks: 66,
      subscribers: 11,
    });
  });

  test('are taken for single blocks where a header does not tell, and then actors are missing', () => {
    const trace = traceOf();
    const ranks = trace.header.ranks.map(({ blocks, subscribers }) => ({ blocks, subscribers }));
    expect(refuted({ ...trace, header: { ...trace.header, ranks } })).toEqual(
      expect.arrayContaining(['L4', 'L5', 'T5']),
    );
  });

  test('do a tile of twice the columns in the time in which one block does half of it', () => {
    // One expert a rank: cells fill their tiles, and only the first of them read weights from memory.
    const set = { 'model.experts': '2', 'model.topK': '1' };
    const tile = (cols: string): number =>
      traceMetrics(traceOf({ ...set, 'tiles.cols': cols })).taskNs.GEMM0.p10;
    expect(tile('256') / tile('128')).toBeCloseTo(1, 1);
  });

  test('gate half of their tokens in each block', () => {
    const gate = (blocks: string, cols: string): number =>
      traceMetrics(traceOf({ 'world.blocks': blocks, 'tiles.cols': cols })).latencyNs.gate.median;
    // 1,024 tokens over 16 pairs, and over 32 blocks alone.
    expect(gate('34', '256')).toBe(gate('33', '128'));
  });

  test('have no room for odd blocks, nor for more than are resident', () => {
    const run = (blocks: number): unknown => {
      const scenario = world();
      return simulate({ ...scenario, world: { ...scenario.world, blocks } });
    };
    for (const blocks of [2, 33, 68]) {
      expect(() => run(blocks)).toThrow(
        'world.blocks: expected an even number from 4 to 66, the blocks of a rank that are resident ' +
          `at once, as wgmma has a pair of blocks for each processor of tiles over 64 x 128, got ${blocks}`,
      );
    }
    expect(() => traceOf({}, machineWith({ sms: 6 }))).toThrow(
      'world.ranks: expected room for 4 blocks a rank, as wgmma has a pair',
    );
  });
});
