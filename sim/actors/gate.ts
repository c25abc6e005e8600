import { gateBlockNs } from '../machine/cost-model.ts';
import { rowStep } from '../moe/generated/layout.ts';
import { epochState } from '../moe/packet.ts';
import { roundUp } from '../moe/shape.ts';
import { EventKind } from '../trace/generated/events.ts';
import { shareBegin } from './dispatch-shares.ts';
import type { RankState } from './rank.ts';
import type { TaskNoise } from './task-noise.ts';
import { processorActor, type World } from './world.ts';

/** Label of a processor's gate among a launch's noise draws: far over any task index in use. */
const gateLabel = 0xff00_0000;

/**
 * The gate of every processor and the barrier behind it, from now on. No other actor can act before the barrier, so both
 * are worked out at once. The blocks of a processor gate even parts of its tokens side by side. Returns when the barrier lets
 * the processors go.
 */
export function runGate(world: World, state: RankState, noise: TaskNoise): number {
  const { sim, sink, machine, processors, shape } = world;
  const begin = sim.now;
  const { rank, epoch } = state;
  const add = (
    time: number,
    block: number,
    kind: (typeof EventKind)[keyof typeof EventKind],
    a: number,
    b: number,
  ): void => sink.add(time, epoch, rank, processorActor(block), kind, 0, a, b);
  const ends: { block: number; time: number }[] = [];
  for (let block = 0; block <= processors; block++) {
    // The OS block has no share of the tokens: it could not dispatch their rows.
    const tokens =
      block === processors
        ? 0
        : shareBegin(state.tokens, processors, block + 1) -
          shareBegin(state.tokens, processors, block);
    const rows = roundUp(Math.ceil(tokens / world.blocksPerProcessor), rowStep);
    const ns = gateBlockNs(machine, rows, shape.hidden, world.blocksPerSm);
    const factor = noise.factor(epoch, rank, gateLabel + block);
    const end = begin + (block === processors ? 0 : Math.ceil(ns * factor));
    add(begin, block, EventKind.LaunchBegin, epoch, epochState(epoch));
    add(begin, block, EventKind.GateBegin, 0, 0);
    add(end, block, EventKind.GateEnd, tokens, 0);
    ends.push({ block, time: end + machine.atomicNs });
  }
  ends.sort((x, y) => x.time - y.time || x.block - y.block);
  for (const [before, { block, time }] of ends.entries()) {
    add(time, block, EventKind.BarrierArrive, 0, before);
  }
  const leave = ends.at(-1)!.time + machine.barrierNs;
  for (let block = 0; block <= processors; block++) add(leave, block, EventKind.BarrierLeave, 0, 0);
  for (let p = 0; p < processors; p++) add(leave, p, EventKind.DispatchBegin, 0, 0);
  return leave;
}
