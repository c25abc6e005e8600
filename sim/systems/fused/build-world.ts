import { Dispatch } from '../../actors/dispatch.ts';
import { Launches } from '../../actors/launches.ts';
import { Network } from '../../actors/network.ts';
import type { PolicyDefinition } from '../../actors/policy.ts';
import { Processors } from '../../actors/processor.ts';
import { RankState } from '../../actors/rank.ts';
import { Scheduler } from '../../actors/scheduler.ts';
import { StreamProcessors } from '../../actors/stream-processors.ts';
import { Subscribers } from '../../actors/subscriber.ts';
import { TaskDecoder } from '../../actors/task-decoder.ts';
import { TaskNoise } from '../../actors/task-noise.ts';
import type { EventSink, World } from '../../actors/world.ts';
import { Arena } from '../../engine/arena.ts';
import { LaneSimulation } from '../../engine/lanes.ts';
import type { Beside, Machine } from '../../machine/constants.ts';
import { sharedMachine, spannedBeside, spannedMachine } from '../../machine/cost-model.ts';
import { Fabric } from '../../machine/fabric.ts';
import { blocksPerProcessor, pairReason } from '../../moe/pairs.ts';
import { placementOf } from '../../moe/placement.ts';
import type { Routing } from '../../moe/routing.ts';
import type { Scenario } from '../../moe/scenario.ts';
import { ScenarioError } from '../../moe/scenario-error.ts';
import { shapeOf } from '../../moe/shape-of.ts';
import { gpuOf } from '../../moe/world.ts';

/** Words that small arrays of actors are taken from at a time: 256 KB. */
const arenaWords = 1 << 16;

/** Blocks of every rank and the SMs they lie on. */
export interface Residency {
  readonly blocks: number;
  /** Blocks of a processor, each on an SM of its own; the OS has as many. */
  readonly blocksPerProcessor: number;
  readonly smsPerRank: number;
  /** Blocks on the fullest SM of a rank. */
  readonly blocksPerSm: number;
}

/**
 * Blocks of a rank: as many as the scenario says, or as fit. Ranks of a GPU share its SMs evenly; a pair of blocks takes two of
 * one rank's.
 * @throws {ScenarioError} when the blocks could not all be resident, are no whole processors, or fewer than one and the OS's.
 */
export function residencyOf(scenario: Scenario, machine: Machine): Residency {
  const { ranks, gpus, blocks } = scenario.world;
  const each = blocksPerProcessor(scenario);
  const smsPerRank = Math.floor(Math.floor((machine.sms * gpus) / ranks) / each) * each;
  const room = smsPerRank * machine.blocksPerSm;
  const why = each === 1 ? '' : `, ${pairReason}`;
  if (room < 2 * each) {
    const share = `${ranks / gpus} ranks share ${machine.sms} SMs`;
    throw new ScenarioError([
      `world.ranks: expected room for ${2 * each} blocks a rank${why}, but ${share} at ${machine.blocksPerSm} blocks an SM`,
    ]);
  }
  const count = blocks ?? room;
  if (count < 2 * each || count > room || count % each !== 0) {
    const numbers = each === 1 ? `2 to ${room}` : `an even number from 4 to ${room}`;
    throw new ScenarioError([
      `world.blocks: expected ${numbers}, the blocks of a rank that are resident at once${why}, got ${blocks}`,
    ]);
  }
  const blocksPerSm = Math.ceil(count / smsPerRank);
  return { blocks: count, blocksPerProcessor: each, smsPerRank, blocksPerSm };
}

/**
 * Direct stores need peer memory mapped, which ends at the node.
 * @throws {ScenarioError} when direct transport would cross nodes.
 */
function assertTransport({ world }: Scenario, machine: Machine): void {
  if (world.transport === 'put' || world.gpus <= machine.gpusPerNode) return;
  const nodes = `${world.gpus} GPUs at ${machine.gpusPerNode} a node reach each other by RDMA`;
  throw new ScenarioError([`world.transport: expected put, because ${nodes}; got direct`]);
}

/**
 * Lanes of a world. Under put transport GPUs act on each other only through the network, which no block waits for and
 * which takes at least the shortest latency: a lane for each GPU, and the network's after them. Direct stores
 * hold up the storing block, at the speed that other GPUs leave it: one lane for all.
 */
function lanesOf(
  { world }: Scenario,
  machine: Machine,
  windowNs: number,
): { lanes: number; lookahead: number } {
  const lookahead = Math.min(windowNs, new Fabric(machine, world.gpus).leastLatencyNs);
  if (world.transport === 'direct' || world.gpus === 1 || lookahead === 0) {
    return { lanes: 1, lookahead: Number.POSITIVE_INFINITY };
  }
  return { lanes: world.gpus + 1, lookahead };
}

/** A world ready to run: its memory, its actors, its first launches scheduled. */
export interface FusedWorld {
  readonly world: World;
  readonly launches: Launches;
  readonly network: Network;
}

/** What a sink of records may want to know of the run it belongs to. */
export interface SinkFacts {
  readonly scenario: Scenario;
  /** Kept rows, `[launch][source rank][global expert]`. */
  readonly rows: Routing['rows'];
  /** Processors and subscribers of every rank. */
  readonly processors: number;
  readonly subscribers: number;
  /** No record that is still to come is before its time. */
  readonly clock: { readonly now: number };
}

/** Makes the sink of a run; `() => sink` for one that needs to know nothing. */
export type SinkMaker = (facts: SinkFacts) => EventSink;

/** A scenario with what it names looked up. */
export interface DescribedWorld {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly beside: Beside | undefined;
  readonly routing: Routing;
  readonly policy: PolicyDefinition;
}

/** Builds the fused kernel's world for a scenario. `windowNs`: longest window in which GPUs run one after the other. */
export function buildWorld(
  { scenario, machine, beside, routing, policy }: DescribedWorld,
  sinkOf: SinkMaker,
  windowNs: number = Number.POSITIVE_INFINITY,
): FusedWorld {
  assertTransport(scenario, machine);
  const shape = shapeOf(scenario);
  const placement = placementOf(scenario);
  const residency = residencyOf(scenario, machine);
  const sms = residency.blocksPerProcessor;
  const processors = residency.blocks / sms - 1;
  const { subscribers } = machine;
  const eager = scenario.readiness === 'eager';
  const { lanes, lookahead } = lanesOf(scenario, machine, windowNs);
  const arena = new Arena(arenaWords);
  const ranks = scenario.model.tokens.map((tokens, rank) => {
    const gpu = gpuOf(scenario.world, rank);
    const lane = lanes === 1 ? 0 : gpu;
    const place = { rank, gpu, lane, localExperts: placement.localExperts(rank), tokens };
    return new RankState(shape, place, { processors, subscribers }, eager, arena);
  });
  const sim = new LaneSimulation({ lanes, lookahead });
  const sink = sinkOf({ scenario, rows: routing.rows, processors, subscribers, clock: sim });
  const world: World = {
    sim,
    sink,
    scenario,
    shape,
    placement,
    routing,
    machine: sharedMachine(spannedMachine(machine, sms), residency.blocksPerSm),
    beside: beside && spannedBeside(beside, sms),
    policy,
    ranks,
    ...residency,
    processors,
    subscribers,
    eager,
    networkLane: lanes - 1,
    decoder: new TaskDecoder(shape),
    handlers: { doorbell: -1, signal: -1, interruptSubscribers: -1, exited: -1 },
  };
  const noise = new TaskNoise(scenario);
  const scheduler = new Scheduler(world);
  const subscriberWarps = new Subscribers(world, scheduler);
  const network = new Network(world, subscriberWarps);
  const Blocks = world.beside === undefined ? Processors : StreamProcessors;
  const processorBlocks = new Blocks(world, scheduler, network, noise);
  const dispatch = new Dispatch(world, network, processorBlocks);
  const actors = { scheduler, subscribers: subscriberWarps, processors: processorBlocks, dispatch };
  const launches = new Launches(world, actors, noise);
  launches.start();
  return { world, launches, network };
}
