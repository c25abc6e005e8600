import type { LaneSimulation } from '../engine/lanes.ts';
import type { Beside, Machine } from '../machine/constants.ts';
import type { Placement } from '../moe/placement.ts';
import type { Routing } from '../moe/routing.ts';
import type { Scenario } from '../moe/scenario.ts';
import type { Shape } from '../moe/shape.ts';
import type { EventKindCode } from '../trace/trace.ts';
import type { PolicyDefinition } from './policy.ts';
import { ProtocolError } from './protocol-error.ts';
import type { RankState } from './rank.ts';
import type { TaskDecoder } from './task-decoder.ts';

/** Where events go: sim/trace's TraceBuilder, or a counter in a test. */
export interface EventSink {
  add(
    time: number,
    launch: number,
    rank: number,
    actor: number,
    kind: EventKindCode,
    aux: number,
    a: number,
    b: number,
  ): void;
}

/** What does not change while a world runs, and the memory that its actors share. */
export interface World {
  readonly sim: LaneSimulation;
  readonly sink: EventSink;
  readonly scenario: Scenario;
  readonly shape: Shape;
  readonly placement: Placement;
  readonly routing: Routing;
  readonly machine: Machine;
  /** The kernel's COMBINE beside tiles; undefined where a processor runs one task after the other. */
  readonly beside: Beside | undefined;
  readonly policy: PolicyDefinition;
  readonly ranks: readonly RankState[];
  /** Blocks of every rank, and of each of its processors; as many as of a processor are the OS's. */
  readonly blocks: number;
  readonly blocksPerProcessor: number;
  readonly processors: number;
  readonly subscribers: number;
  /** SMs each rank's blocks are spread over, and blocks on the fullest of them. */
  readonly smsPerRank: number;
  readonly blocksPerSm: number;
  readonly eager: boolean;
  /** Lane of the simulation that links and cards are in. */
  readonly networkLane: number;
  readonly decoder: TaskDecoder;
  /** Handlers that one actor registers and another schedules. */
  readonly handlers: Handlers;
}

/** Events between actors, by handler index. */
export interface Handlers {
  /** The next doorbells of {@link RankState.ringing} become visible: (rank, how many). */
  doorbell: number;
  /** A signal reaches its flag: (rank, message). */
  signal: number;
  /** The scheduler interrupts the subscribers: (rank, 0). */
  interruptSubscribers: number;
  /** An actor of a launch has exited: (rank, 0). */
  exited: number;
}

/** Rings of one block hold up to this many actors. */
const warpsPerBlock = 32;

/** Actor number of a processor in the trace. */
export function processorActor(processor: number): number {
  return processor * warpsPerBlock;
}

/** Actor number of the scheduler: warp 0 of the OS block. */
export function schedulerActor(world: World): number {
  return world.processors * warpsPerBlock;
}

/** Actor number of a subscriber: warp `1 + subscriber` of the OS block. */
export function subscriberActor(world: World, subscriber: number): number {
  return world.processors * warpsPerBlock + 1 + subscriber;
}

/** Stops the run: the model broke a rule of its own protocol. */
export function fail(world: World, state: RankState, message: string): never {
  throw new ProtocolError(state.rank, state.epoch, world.sim.now, message);
}
