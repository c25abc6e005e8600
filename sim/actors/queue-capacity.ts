/** Capacities of the task queues: kernel/include/kerneltwin/protocol/queue.h in TypeScript, name for name. */
import { cellRowBlocks, gemm1Cols, type Shape } from '../moe/shape.ts';

/** Smallest power of two that is at least `n`. */
export function roundUpPow2(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}

/**
 * Most row blocks that the tokens of one rank can make over all experts: every row in its own tile share, plus one
 * residue block an expert, and never more than all cells full.
 */
export function sentRowBlocks(s: Shape): number {
  const full = s.experts * cellRowBlocks(s);
  const routed = Math.floor((s.tokens * s.topK) / s.tileRows) + s.experts;
  return Math.min(routed, full);
}

/** Entries one subscriber queue must hold: every row block of every incoming cell, and every COMBINE tile. */
export function subscriberQueueCapacity(s: Shape): number {
  return roundUpPow2(s.ranks * s.slots * cellRowBlocks(s) + sentRowBlocks(s) * gemm1Cols(s));
}

/** Entries the processors' queue must hold: one per row block of every incoming cell. */
export function processorQueueCapacity(s: Shape): number {
  return roundUpPow2(s.ranks * s.slots * cellRowBlocks(s));
}
