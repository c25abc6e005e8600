import { splitRng } from '../engine/rng.ts';
import { countGroups } from '../machine/cost-model.ts';
import { rowBlocks } from '../moe/shape.ts';
import { beginBound } from './bound.ts';
import type { Dispatch } from './dispatch.ts';
import { runGate } from './gate.ts';
import type { ProcessorBlocks } from './processor-blocks.ts';
import type { RankState } from './rank.ts';
import type { Scheduler } from './scheduler.ts';
import type { Subscribers } from './subscriber.ts';
import type { TaskNoise } from './task-noise.ts';
import { fail, type World } from './world.ts';

/** The actors a launch starts. */
export interface Actors {
  readonly scheduler: Scheduler;
  readonly subscribers: Subscribers;
  readonly processors: ProcessorBlocks;
  readonly dispatch: Dispatch;
}

/**
 * The launches of every rank, back to back: a rank begins its next one when all its own actors have exited, whatever its
 * peers do.
 */
export class Launches {
  /** Launches ended on each rank. */
  readonly ended: Int32Array;

  readonly #world: World;
  readonly #actors: Actors;
  readonly #noise: TaskNoise;
  readonly #exits: Int32Array;
  readonly #begin: number;
  readonly #placed: number;
  readonly #watch: number;

  constructor(world: World, actors: Actors, noise: TaskNoise) {
    this.#world = world;
    this.#actors = actors;
    this.#noise = noise;
    this.ended = new Int32Array(world.ranks.length);
    this.#exits = new Int32Array(world.ranks.length);
    const { sim } = world;
    this.#begin = sim.handle((rank) => this.#onBegin(world.ranks[rank]!));
    this.#placed = sim.handle((rank) => this.#onPlaced(world.ranks[rank]!));
    this.#watch = sim.handle((rank) => actors.subscribers.start(rank));
    world.handlers.exited = sim.handle((rank) => this.#onExit(world.ranks[rank]!));
  }

  /** Schedules the first launch of every rank. */
  start(): void {
    for (const { rank } of this.#world.ranks) this.#schedule(rank, 0, 0);
  }

  #schedule(rank: number, launch: number, after: number): void {
    const { scenario, sim } = this.#world;
    const most = scenario.noise.launchSkewNs;
    const skew =
      most === 0 ? 0 : splitRng(scenario.seed, 'launch-skew', launch, rank).uniformInt(most + 1);
    sim.send(this.#world.ranks[rank]!.lane, after + skew, this.#begin, rank, 0);
  }

  #onBegin(state: RankState): void {
    const { sim, routing, machine, placement, shape } = this.#world;
    state.epoch++;
    state.allRead = false;
    state.ownRows = routing.rows[state.epoch]![state.rank]!;
    state.rowTilesTo.fill(0);
    for (const [expert, rows] of state.ownRows.entries()) {
      state.rowTilesTo[placement.home(expert).rank]! += rowBlocks(shape, rows);
    }
    this.#exits[state.rank] = 0;
    this.#actors.subscribers.beginLaunch(state.rank);
    this.#actors.processors.beginLaunch(state.rank);
    const leave = runGate(this.#world, state, this.#noise);
    const counts = countGroups(this.#world.processors, shape.experts);
    sim.at(leave + machine.placeNs + counts * machine.countNs, this.#placed, state.rank, 0);
  }

  /** Row numbers are known: processors dispatch, the OS block starts. */
  #onPlaced(state: RankState): void {
    const { sim, machine } = this.#world;
    beginBound(this.#world, state);
    this.#actors.dispatch.start(state.rank);
    this.#actors.scheduler.start(state.rank);
    sim.at(sim.now + machine.watchListNs, this.#watch, state.rank, 0);
  }

  #onExit(state: RankState): void {
    const { processors, subscribers, machine, scenario, sim } = this.#world;
    const exits = this.#exits[state.rank]! + 1;
    this.#exits[state.rank] = exits;
    if (exits < processors + subscribers + 1) return;
    this.#assertDrained(state);
    this.#actors.processors.endLaunch(state.rank);
    this.ended[state.rank]!++;
    const next = state.epoch + 1;
    if (next < scenario.launches) this.#schedule(state.rank, next, sim.now + machine.launchNs);
  }

  /** A launch leaves no task, queue entry or counter behind. */
  #assertDrained(state: RankState): void {
    if (state.finished !== state.bound) {
      fail(this.#world, state, `exited with ${state.finished} of ${state.bound} tasks finished`);
    }
    for (const [q, queue] of state.queues.entries()) {
      if (queue.size === 0) continue;
      fail(this.#world, state, `exited with ${queue.size} entries in queue ${q}`);
    }
    const open = state.rowBlockArrivals.findIndex((count) => count !== 0);
    if (open >= 0) fail(this.#world, state, `exited with GEMM0 counter of row block ${open} open`);
    const cell = state.cellArrivals.findIndex((count) => count !== 0);
    if (cell >= 0) fail(this.#world, state, `exited with the cell of expert ${cell} open`);
  }
}
