import type { Shape } from '../../sim/moe/layout.ts';
import { type Placement, placementFrom } from '../../sim/moe/placement.ts';
import type { Scenario } from '../../sim/moe/scenario.ts';
import { shapeOf } from '../../sim/moe/shape-of.ts';
import type { TraceHeader } from '../../sim/trace/trace.ts';
import { traceVersion } from '../../sim/trace/trace.ts';

/** What a legal trace is made for. Small enough to read; every field can be overridden. */
export interface LegalWorld {
  readonly expertsPerRank: readonly number[];
  /** Tokens of each rank. */
  readonly tokens: readonly number[];
  readonly topK: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly tileRows: number;
  readonly tileCols: number;
  /** Processor blocks of each rank. */
  readonly processors: number;
  readonly subscribers: number;
  readonly readiness: 'eager' | 'lazy';
  /** Processors run COMBINE tasks beside GEMM tiles. Only with eager readiness: a lazy mailbox waits for the task before. */
  readonly beside: boolean;
  readonly policy: string;
  readonly launches: number;
  readonly firstLaunch: number;
  /** Kept rows from a rank to a global expert in a launch. */
  readonly rows: (launch: number, source: number, expert: number) => number;
  /** Longest task over shortest, times 1000: 1000 is no spread. */
  readonly spread: number;
}

/** Two ranks with three and one experts, one silent pair, residue row blocks, two launches. */
export const smallWorld: LegalWorld = {
  expertsPerRank: [3, 1],
  tokens: [40, 40],
  topK: 2,
  hidden: 256,
  intermediate: 192,
  tileRows: 16,
  tileCols: 64,
  processors: 3,
  subscribers: 2,
  readiness: 'eager',
  beside: false,
  policy: 'fifo',
  launches: 2,
  firstLaunch: 0,
  rows: (launch, source, expert) =>
    source === 1 && expert === 3 ? 0 : 5 + 7 * source + 11 * ((expert + launch) % 3),
  spread: 1500,
};

/** Everything that follows from a world before the first event. */
export interface LegalSetting {
  readonly world: LegalWorld;
  readonly scenario: Scenario;
  readonly shape: Shape;
  readonly placement: Placement;
  readonly rows: readonly (readonly (readonly number[])[])[];
}

export function settingOf(world: LegalWorld): LegalSetting {
  const ranks = world.expertsPerRank.length;
  const experts = world.expertsPerRank.reduce((sum, n) => sum + n, 0);
  const scenario: Scenario = {
    name: 'legal',
    description: 'a legal world for tests of the checker',
    world: {
      ranks,
      gpus: 1,
      machine: 'none',
      blocks: world.processors + 1,
      expertsPerRank: world.expertsPerRank,
      transport: 'direct',
    },
    model: {
      tokens: world.tokens,
      hidden: world.hidden,
      intermediate: world.intermediate,
      experts,
      topK: world.topK,
      // Wide enough for any rows; worlds need not route every token, as a dropless one would.
      capacityFactor: 1000,
      activation: 'relu',
      dtype: 'bf16',
      renormalise: true,
      bias: true,
    },
    routing: { kind: 'uniform', seed: 1 },
    tiles: { rows: world.tileRows, cols: world.tileCols },
    policy: world.policy,
    policyOptions: {},
    readiness: world.readiness,
    launches: world.launches,
    noise: { durationPpm: 0, launchSkewNs: 0 },
    seed: 1,
  };
  const rows = Array.from({ length: world.launches }, (_, launch) =>
    Array.from({ length: ranks }, (_, source) =>
      Array.from({ length: experts }, (_, expert) =>
        world.rows(world.firstLaunch + launch, source, expert),
      ),
    ),
  );
  return {
    world,
    scenario,
    shape: shapeOf(scenario),
    placement: placementFrom(world.expertsPerRank),
    rows,
  };
}

export function headerOf({ world, scenario, rows }: LegalSetting): TraceHeader {
  return {
    version: traceVersion,
    source: 'simulator',
    producer: { name: 'legal trace', version: '1', hash: '0'.repeat(64) },
    scenario,
    scenarioHash: '0'.repeat(64),
    seed: 1,
    launches: world.launches,
    firstLaunch: world.firstLaunch,
    readiness: world.readiness,
    policy: world.policy,
    ranks: world.expertsPerRank.map(() => ({
      blocks: world.processors + 1,
      subscribers: world.subscribers,
    })),
    clock: { unit: 'ns', residualNs: { sameRank: 0, crossRank: 0 }, method: 'one clock' },
    rows,
    lostEvents: world.expertsPerRank.map(() => 0),
    machine: { name: 'none', facts: {} },
    launchMs: [],
  };
}
