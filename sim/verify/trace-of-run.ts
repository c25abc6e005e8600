import type { NativeEvents } from '../../binding/explore.ts';
import type { Scenario } from '../moe/scenario.ts';
import { scenarioHash } from '../moe/scenario-hash.ts';
import { TraceBuilder } from '../trace/builder.ts';
import { type EventKindCode, type Trace, traceVersion } from '../trace/trace.ts';
import { explorerProducer } from './producer.ts';
import type { WorldSpec } from './world-spec.ts';

/** The scenario that has this world's shape. Its routing is not used: the trace carries the rows. */
export function scenarioOf(spec: WorldSpec): Scenario {
  const ranks = spec.expertsPerRank.length;
  return {
    name: 'explored',
    description: '',
    world: {
      ranks,
      gpus: 1,
      machine: 'h200',
      blocks: spec.processors + 1,
      expertsPerRank: spec.expertsPerRank,
      transport: spec.puts > 0 ? 'put' : 'direct',
    },
    model: {
      tokens: Array.from({ length: ranks }, () => spec.tokens),
      hidden: spec.hidden,
      intermediate: spec.intermediate,
      experts: spec.expertsPerRank.reduce((sum, n) => sum + n, 0),
      topK: spec.topK,
      // Not dropless: a world may keep fewer rows than its tokens choose. Any capacity is then clamped to the tokens.
      capacityFactor: spec.expertsPerRank.reduce((sum, n) => sum + n, 0),
      activation: 'identity',
      dtype: 'bf16',
      renormalise: true,
      bias: false,
    },
    routing: { kind: 'uniform', seed: 0 },
    tiles: { rows: spec.tileRows, cols: spec.tileCols },
    policy: spec.policy,
    policyOptions: {},
    readiness: spec.readiness,
    launches: spec.rows.length,
    noise: { durationPpm: 0, launchSkewNs: 0 },
    seed: 0,
  };
}

/**
 * A run's events as a trace of the project's format, so that the same monitors judge it. One shared access counts as one
 * nanosecond: the order of accesses is the run's own, so clocks agree exactly.
 */
export function traceOfRun(spec: WorldSpec, events: NativeEvents, seed = 0): Trace {
  const scenario = scenarioOf(spec);
  const builder = new TraceBuilder(events.step.length);
  for (let i = 0; i < events.step.length; i++) {
    const at = (column: { readonly [index: number]: number }): number => column[i] ?? 0;
    builder.add(
      at(events.step),
      at(events.launch),
      at(events.rank),
      at(events.actor),
      at(events.kind) as EventKindCode,
      at(events.aux),
      at(events.a),
      at(events.b),
    );
  }
  return builder.finish({
    version: traceVersion,
    source: 'explorer',
    producer: explorerProducer(),
    scenario,
    scenarioHash: scenarioHash(scenario),
    seed,
    launches: spec.rows.length,
    firstLaunch: 0,
    readiness: spec.readiness,
    policy: spec.policy,
    ranks: spec.expertsPerRank.map(() => ({
      blocks: spec.processors + 1,
      subscribers: spec.subscribers,
    })),
    clock: {
      unit: 'ns',
      residualNs: { sameRank: 0, crossRank: 0 },
      method: 'one shared access is one nanosecond',
    },
    rows: spec.rows,
    lostEvents: spec.expertsPerRank.map(() => 0),
    machine: { name: 'explorer', facts: {} },
    launchMs: [],
  });
}
