import type { ResourceUse } from '../../actors/network.ts';
import { ProtocolError } from '../../actors/protocol-error.ts';
import type { Beside, Machine } from '../../machine/constants.ts';
import {
  besideOf,
  loadMachineProfile,
  type MachineProfile,
  machineOf,
} from '../../machine/profile.ts';
import { type Routing, routeTokens } from '../../moe/routing.ts';
import { gemmOf, type Scenario } from '../../moe/scenario.ts';
import { scenarioHash } from '../../moe/scenario-hash.ts';
import type { PolicyDefinition } from '../../policies/policy.ts';
import { policyOf } from '../../policies/registry.ts';
import { TraceBuilder } from '../../trace/builder.ts';
import { rankActors } from '../../trace/rank-actors.ts';
import {
  type EventColumns,
  type Trace,
  type TraceHeader,
  traceVersion,
} from '../../trace/trace.ts';
import { buildWorld, type FusedWorld, type SinkMaker } from './build-world.ts';
import { simulatorProducer } from './producer.ts';

/** Events between two looks at the signal: about 20 ms. */
const sliceEvents = 1 << 15;

/** How far a simulation has come. */
export interface SimulationProgress {
  /** Launches that every rank has ended. */
  readonly launch: number;
  readonly launches: number;
  /** Simulator events run so far. */
  readonly events: number;
  /** Simulated time. */
  readonly timeNs: number;
}

export interface SimulationOptions {
  /** Looked at every {@link sliceEvents} events; when aborted, the launches ended so far are returned. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SimulationProgress) => void) | undefined;
  /** Machine to use instead of the one the scenario names. */
  readonly machine?: MachineProfile | undefined;
  /** Policies besides the project's own. */
  readonly policies?: readonly PolicyDefinition[] | undefined;
  /**
   * Longest window in which GPUs are simulated one after the other, if their latencies allow it; an integer over zero. The
   * result is the same for any: a longer one is faster, because a GPU's memory stays in the caches.
   */
  readonly windowNs?: number | undefined;
  /** Routing worked out already, for callers that run one scenario many times. */
  readonly routing?: Routing | undefined;
}

export interface SimulationResult extends UntracedResult {
  readonly trace: Trace;
}

/** What a run is known by without its trace. */
export interface UntracedResult {
  /** Simulator events, a measure of its work. */
  readonly events: number;
  /** Time at which the last actor of the last launch exited. */
  readonly endNs: number;
  /** Memories and link directions of all GPUs; directions of network cards in a world of several nodes. */
  readonly resources: readonly ResourceUse[];
  /** True when the signal ended the run before all launches were done. */
  readonly aborted: boolean;
}

/**
 * Simulates the fused kernel on a scenario. The same scenario, code and options give the same trace, byte for byte.
 * @throws {ScenarioError} when the scenario cannot run: unknown policy, blocks that are not resident, sizes that overflow.
 * @throws {MachineError} when the machine profile cannot be used.
 * @throws {ProtocolError} when the model breaks a rule of its own protocol: a bug.
 * @throws the signal's reason when it is aborted before one launch has ended.
 */
export function simulate(scenario: Scenario, options: SimulationOptions = {}): SimulationResult {
  const builder = new TraceBuilder(1 << 16);
  const started = start(scenario, () => builder, options);
  const { fused } = started;
  const finished = run(fused, options);
  const ended = finished ? scenario.launches : Math.min(...fused.launches.ended);
  if (ended === 0) throw options.signal?.reason ?? new Error('aborted before a launch had ended');
  const trace = builder.finish(headerOf(scenario, started, ended));
  return {
    trace: finished ? trace : { header: trace.header, events: eventsBefore(trace.events, ended) },
    ...outcomeOf(fused, finished),
  };
}

/**
 * Simulates a scenario without a trace: its records go to a sink as they are made and are not kept. Those of one actor come
 * in order of time; none is before the clock, which the sink is told of. When the signal is aborted, the run stops
 * where it is. Errors as for {@link simulate}.
 */
export function simulateUntraced(
  scenario: Scenario,
  sinkOf: SinkMaker,
  options: SimulationOptions = {},
): UntracedResult {
  const { fused } = start(scenario, sinkOf, options);
  return outcomeOf(fused, run(fused, options));
}

interface Started {
  readonly fused: FusedWorld;
  readonly profile: MachineProfile;
  readonly machine: Machine;
  readonly beside: Beside | undefined;
  readonly routing: Routing;
}

function start(scenario: Scenario, sinkOf: SinkMaker, options: SimulationOptions): Started {
  const profile = options.machine ?? loadMachineProfile(scenario.world.machine);
  const kernel = gemmOf(scenario.world);
  const machine = machineOf(profile, kernel);
  const beside = besideOf(profile, kernel);
  const policy = policyOf(scenario, options.policies);
  const routing = options.routing ?? routeTokens(scenario);
  const described = { scenario, machine, beside, routing, policy };
  const fused = buildWorld(described, sinkOf, options.windowNs);
  return { fused, profile, machine, beside, routing };
}

function outcomeOf({ world, network }: FusedWorld, finished: boolean): UntracedResult {
  const { sim } = world;
  return {
    events: sim.events,
    endNs: sim.now,
    resources: network.uses(),
    aborted: !finished,
  };
}

/** Runs to the end, or until the signal is aborted: false then. */
function run(fused: FusedWorld, options: SimulationOptions): boolean {
  const { world, launches } = fused;
  const { sim, scenario } = world;
  while (sim.run(sliceEvents)) {
    if (options.signal?.aborted === true) return false;
    options.onProgress?.({
      launch: Math.min(...launches.ended),
      launches: scenario.launches,
      events: sim.events,
      timeNs: sim.now,
    });
  }
  const stuck = world.ranks.find(({ rank }) => launches.ended[rank]! < scenario.launches);
  if (stuck !== undefined) {
    const { rank, epoch, scheduled, finished, bound, unannounced } = stuck;
    throw new ProtocolError(
      rank,
      epoch,
      sim.now,
      `deadlock: nothing is left to happen with ${scheduled} tasks scheduled and ${finished} finished ` +
        `of a bound of ${bound}, ${unannounced} peers unknown`,
    );
  }
  return true;
}

function headerOf(
  scenario: Scenario,
  { fused, profile, machine, beside, routing }: Started,
  launches: number,
): TraceHeader {
  const { blocks, processors, subscribers } = fused.world;
  return {
    version: traceVersion,
    source: 'simulator',
    producer: simulatorProducer(),
    scenario,
    scenarioHash: scenarioHash(scenario),
    seed: scenario.seed,
    launches,
    firstLaunch: 0,
    readiness: scenario.readiness,
    policy: scenario.policy,
    ranks: scenario.model.tokens.map(() => rankActors(blocks, processors, subscribers)),
    clock: {
      unit: 'ns',
      residualNs: { sameRank: 0, crossRank: 0 },
      method: 'simulated time, one clock for all actors',
    },
    rows: routing.rows.slice(0, launches),
    lostEvents: scenario.model.tokens.map(() => 0),
    machine: {
      name: profile.name,
      facts: { description: profile.description, ...machine, ...beside },
    },
    launchMs: [],
  };
}

/** The events of the launches before `launch`; rows are sorted by launch. */
function eventsBefore(events: EventColumns, launch: number): EventColumns {
  let end = events.launch.findIndex((of) => of >= launch);
  if (end < 0) end = events.launch.length;
  return {
    time: events.time.slice(0, end),
    launch: events.launch.slice(0, end),
    rank: events.rank.slice(0, end),
    actor: events.actor.slice(0, end),
    kind: events.kind.slice(0, end),
    aux: events.aux.slice(0, end),
    a: events.a.slice(0, end),
    b: events.b.slice(0, end),
  };
}
