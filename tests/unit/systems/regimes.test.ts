import { describe, expect, test } from 'vitest';
import type { ConstantName } from '../../../sim/machine/index.ts';
import { parseScenario } from '../../../sim/moe/load-scenario.ts';
import { simulate } from '../../../sim/systems/fused/simulate.ts';
import { machineWith } from '../../support/machines.ts';

interface World {
  readonly tokens: number;
  readonly ranks?: number;
  readonly gpus?: number;
  readonly transport?: string;
  readonly hidden?: number;
}

/** Makespan of one launch of 16 experts, in ns. */
function makespan(world: World, machine: Partial<Record<ConstantName, number>>): number {
  const { tokens, ranks = 1, gpus = ranks, transport = 'put', hidden = 2048 } = world;
  const source = {
    name: 'regime',
    world: { ranks, gpus, machine: 'h200', transport },
    model: { tokens, hidden, intermediate: 2048, experts: 16, topK: 2 },
    seed: 3,
  };
  const scenario = parseScenario(JSON.stringify(source), 'regime.yaml', {});
  return simulate(scenario, { machine: machineWith(machine) }).endNs;
}

const tensor = (flop: number) => ({ tensorFlopPerNs: flop });
const memory = (bytes: number) => ({ hbmBytesPerNs: bytes });

describe('what binds a layer comes out of the model', () => {
  test('few tokens: reading the weights once; tensor cores do not matter', () => {
    const few = { tokens: 32 };
    // Two matrices of 2048 x 2048 bf16 an expert, at 1000 B/ns.
    const weights = (16 * 2 * 2048 * 2048 * 2) / 1000;
    const slow = makespan(few, memory(1000));
    expect(slow).toBeGreaterThan(weights);
    expect(slow).toBeLessThan(1.25 * weights);
    expect(makespan(few, memory(2000))).toBeLessThan(0.65 * slow);
    expect(makespan(few, { ...memory(1000), ...tensor(12_000) })).toBeGreaterThan(0.97 * slow);
  });

  test('many tokens: tensor work; memory does not matter', () => {
    const many = { tokens: 4096 };
    const flop = 2 * 4096 * 2 * 2 * 2048 * 2048;
    const slow = makespan(many, tensor(1000));
    expect(slow).toBeGreaterThan(flop / (132 * 1000));
    expect(makespan(many, tensor(2000))).toBeLessThan(0.65 * slow);
    expect(makespan(many, { ...tensor(1000), ...memory(8600) })).toBeGreaterThan(0.97 * slow);
  });
});

describe('several nodes', () => {
  const wide = { tokens: 512, ranks: 4 };

  test('are slower than one, slower with slow cards, and slower still when GPUs share them', () => {
    const one = makespan(wide, {});
    const own = makespan(wide, { gpusPerNode: 2, nicsPerNode: 2, nicBytesPerNs: 5 });
    const shared = makespan(wide, { gpusPerNode: 2, nicsPerNode: 1, nicBytesPerNs: 5 });
    expect(own).toBeGreaterThan(1.2 * one);
    expect(shared).toBeGreaterThan(1.2 * own);
  });

  test('take put transport: direct stores end at the node', () => {
    const direct = { ...wide, transport: 'direct' };
    expect(() => makespan(direct, { gpusPerNode: 2 })).toThrow(
      'world.transport: expected put, because 4 GPUs at 2 a node reach each other by RDMA; got direct',
    );
    expect(makespan(direct, { gpusPerNode: 4 })).toBeGreaterThan(0);
  });
});

describe('a partial GPU', () => {
  test('ranks that share a GPU have a share of its SMs and one memory', () => {
    const quarter = { tokens: 256, ranks: 4, transport: 'direct' };
    const flop = 2 * 1024 * 2 * 2 * 2048 * 2048;
    const shared = makespan({ ...quarter, gpus: 1 }, tensor(1000));
    expect(shared).toBeGreaterThan(flop / (132 * 1000));
    // Not four times: gate, placing and scheduling are no shorter on a GPU alone.
    expect(shared).toBeGreaterThan(2 * makespan({ ...quarter, gpus: 4 }, tensor(1000)));
  });
});
