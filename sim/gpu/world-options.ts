import { type GemmPath, kernelPolicies, type WorldOptions } from '../../binding/kernel.ts';
import { type Shape, shapeOf } from '../moe/layout.ts';
import { blocksPerProcessor, pairReason } from '../moe/pairs.ts';
import { placementOf } from '../moe/placement.ts';
import type { Scenario } from '../moe/scenario.ts';
import { taskCounts } from '../moe/task-set.ts';
import { GpuRunError } from './errors.ts';

export type { GemmPath };
/** By name, the default first. */
export const gemmPaths: readonly GemmPath[] = ['mma', 'wgmma'];

/** Most records a ring may hold: 16 bytes each, one ring an actor. */
const maxRecords = 1 << 21;

/** A scenario's world as the kernel library takes it. Throws UNSUPPORTED for what only the simulator can do. */
export function worldOptionsOf(
  s: Scenario,
  rows: readonly (readonly (readonly number[])[])[],
  deadlineNs: bigint,
  gemm: GemmPath = 'mma',
): WorldOptions {
  const policy = kernelPolicies.find((name) => name === s.policy);
  if (policy === undefined) {
    const known = kernelPolicies.join(', ');
    throw new GpuRunError(
      'UNSUPPORTED',
      `${s.name}: policy: expected one that the kernel's scheduler knows (${known}), got '${s.policy}'`,
    );
  }
  if (s.model.dtype === 'fp16' && blocksPerProcessor({ world: { gemm }, tiles: s.tiles }) === 2) {
    throw new GpuRunError(
      'UNSUPPORTED',
      `${s.name}: model.dtype: expected bf16, ${pairReason} and builds pairs for bf16 alone, got fp16`,
    );
  }
  const shape = shapeOf(s);
  return {
    shape,
    placement: placementOf(s).base,
    blocks: s.world.blocks ?? 0,
    transport: s.world.transport,
    readiness: s.readiness,
    policy,
    activation: s.model.activation,
    dtype: s.model.dtype,
    renormalise: s.model.renormalise,
    bias: s.model.bias,
    gate: 'topK',
    gemm,
    traceRecords: ringRecords(shape, s, rows),
    deadlineNs,
  };
}

/**
 * Records that hold the busiest actor of any launch: the scheduler records a commit, a status and at most one sweep a
 * task, a processor that ran every task about seven records each, a gate and dispatch share a few per expert.
 */
function ringRecords(
  shape: Shape,
  s: Scenario,
  rows: readonly (readonly (readonly number[])[])[],
): number {
  const placement = placementOf(s);
  let tasks = 0;
  for (const launch of rows) {
    for (let rank = 0; rank < shape.ranks; rank++) {
      tasks = Math.max(tasks, taskCounts(shape, placement, launch, rank).total);
    }
  }
  return Math.min(maxRecords, 7 * tasks + 8 * shape.ranks * shape.slots + 4 * shape.experts + 256);
}
