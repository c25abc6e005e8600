/** Generators of small scenarios for the simulator's properties: every option of a scenario, all at once. */
import * as fc from 'fast-check';
import { constantNames, constantUnits, type MachineProfile } from '../../sim/machine/index.ts';
import { parseScenario } from '../../sim/moe/load-scenario.ts';
import { blocksPerProcessor } from '../../sim/moe/pairs.ts';
import { gemmPaths, type Scenario } from '../../sim/moe/scenario.ts';
import { ScenarioError } from '../../sim/moe/scenario-error.ts';
import { machineWith } from '../support/machines.ts';

const seed = fc.nat(1000);

function routings(ranks: number, experts: number): fc.Arbitrary<object> {
  return fc.oneof(
    fc.record({ kind: fc.constant('uniform'), seed }),
    fc.record({ kind: fc.constant('zipf'), exponent: fc.constantFrom(0.5, 1, 2), seed }),
    fc.record({
      kind: fc.constant('hot'),
      experts: fc.constant([experts - 1]),
      share: fc.constantFrom(0.5, 1),
      seed,
    }),
    fc.record({
      kind: fc.constant('silent'),
      from: fc.nat(ranks - 1),
      to: fc.nat(ranks - 1),
      seed,
    }),
  );
}

/** Ranks that hold no tokens, one expert or many; tokens that fit one tile or need a residue tile. */
const sizes = fc
  .array(
    fc.record({
      tokens: fc.oneof(fc.constant(0), fc.nat(40)),
      experts: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .chain((ranks) => {
    const experts = ranks.reduce((sum, r) => sum + r.experts, 0);
    const divisors = [1, 2, 3, 4].filter((n) => ranks.length % n === 0);
    return fc.record({
      ranks: fc.constant(ranks),
      experts: fc.constant(experts),
      gpus: fc.constantFrom(...divisors),
      topK: fc.integer({ min: 1, max: Math.min(4, experts) }),
      routing: routings(ranks.length, experts),
    });
  });

const rest = fc.record({
  blocks: fc.integer({ min: 2, max: 7 }),
  transport: fc.constantFrom('direct', 'put'),
  hidden: fc.constantFrom(64, 128, 192),
  intermediate: fc.constantFrom(64, 128),
  capacity: fc.constantFrom('dropless', 0.25, 1, 1.5),
  rows: fc.constantFrom(8, 16),
  cols: fc.constantFrom(64, 128),
  policy: fc.constantFrom('fifo', 'interleave', 'gemm1-first', 'round-robin', 'static', 'lag'),
  readiness: fc.constantFrom('eager', 'lazy'),
  launches: fc.integer({ min: 1, max: 4 }),
  durationPpm: fc.constantFrom(0, 50_000, 900_000),
  launchSkewNs: fc.constantFrom(0, 2000, 100_000),
  seed,
});

/** Blocks of each processor where `fixed` says the tiles; the tiles that are drawn take one. */
function blocksOfProcessor(fixed: Readonly<Record<string, string>>): number {
  const gemm = gemmPaths.find((name) => name === fixed['world.gemm']);
  const tiles = { rows: Number(fixed['tiles.rows'] ?? 0), cols: Number(fixed['tiles.cols'] ?? 0) };
  return blocksPerProcessor({ world: gemm === undefined ? {} : { gemm }, tiles });
}

/** Scenarios of 1 to 4 ranks; `fixed` overrides what is drawn, by dotted path. */
export function scenarios(fixed: Readonly<Record<string, string>> = {}): fc.Arbitrary<Scenario> {
  return fc
    .tuple(sizes, rest)
    .map(([s, r]) => {
      const source = {
        name: 'generated',
        world: {
          ranks: s.ranks.length,
          gpus: s.gpus,
          machine: 'h200',
          blocks: r.blocks * blocksOfProcessor(fixed),
          expertsPerRank: s.ranks.map(({ experts }) => experts),
          transport: r.transport,
        },
        model: {
          tokens: s.ranks.map(({ tokens }) => tokens),
          hidden: r.hidden,
          intermediate: r.intermediate,
          experts: s.experts,
          topK: s.topK,
          capacity: r.capacity,
        },
        routing: s.routing,
        tiles: { rows: r.rows, cols: r.cols },
        policy: r.policy,
        readiness: r.readiness,
        launches: r.launches,
        noise: { durationPpm: r.durationPpm, launchSkewNs: r.launchSkewNs },
        seed: r.seed,
      };
      try {
        return parseScenario(JSON.stringify(source), 'generated.yaml', fixed);
      } catch (error) {
        // A silent rank in a world with too few experts elsewhere, say.
        if (error instanceof ScenarioError) return undefined;
        throw error;
      }
    })
    .filter((scenario) => scenario !== undefined);
}

const latencies = constantNames.filter((name) => constantUnits[name].startsWith('ns'));

/**
 * Machines on which anything may be slow or free: a subscriber that is late by launches, a doorbell that takes longer than a
 * task, signals that overtake nothing else.
 */
export const machines: fc.Arbitrary<MachineProfile> = fc
  .record({
    latencies: fc.array(fc.constantFrom(0, 1, 30, 1000, 100_000), {
      minLength: latencies.length,
      maxLength: latencies.length,
    }),
    subscribers: fc.integer({ min: 1, max: 7 }),
    sms: fc.integer({ min: 56, max: 132 }),
    linkBytesPerNs: fc.constantFrom(0.1, 450),
    tensorFlopPerNs: fc.constantFrom(20, 6000),
  })
  .map(({ latencies: values, ...more }) =>
    machineWith({ ...more, ...Object.fromEntries(latencies.map((name, i) => [name, values[i]!])) }),
  );
