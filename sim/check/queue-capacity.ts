import { cellRowBlocks, gemm1Cols, type Shape } from '../moe/layout.ts';

/** Most row blocks that the tokens of one rank can make over all experts. */
function sentRowBlocks(s: Shape): number {
  const routed = Math.floor((s.tokens * s.topK) / s.tileRows) + s.experts;
  return Math.min(routed, s.experts * cellRowBlocks(s));
}

/** Entries of a subscriber's queue: every incoming row block and every COMBINE tile, as a power of two. */
export function subscriberQueueCapacity(s: Shape): number {
  const incoming = s.ranks * s.slots * cellRowBlocks(s);
  return roundUpPow2(incoming + sentRowBlocks(s) * gemm1Cols(s));
}

/** Entries of the processors' queue: one for every incoming row block, as a power of two. */
export function processorQueueCapacity(s: Shape): number {
  return roundUpPow2(s.ranks * s.slots * cellRowBlocks(s));
}

function roundUpPow2(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}
