/** Which GPU a rank runs on, and whether two ranks reach each other over a link. */
import type { World } from './scenario.ts';

/** GPU of a rank: ranks fill the GPUs in order, the same number on each. Throws RangeError outside the world. */
export function gpuOf(world: Pick<World, 'ranks' | 'gpus'>, rank: number): number {
  if (!Number.isInteger(rank) || rank < 0 || rank >= world.ranks) {
    throw new RangeError(`expected a rank under ${world.ranks}, got ${rank}`);
  }
  return Math.floor((rank * world.gpus) / world.ranks);
}

/** True when `a` reaches `b` over a link between GPUs. Symmetric (invariant L7). */
export function isRemote(world: Pick<World, 'ranks' | 'gpus'>, a: number, b: number): boolean {
  return gpuOf(world, a) !== gpuOf(world, b);
}
