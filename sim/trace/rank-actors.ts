import type { RankActors } from './trace.ts';

/** Processors of a rank. Where its header does not say, every block but the OS block is one. */
export function processorsOf({ blocks, processors }: RankActors): number {
  return processors ?? blocks - 1;
}

/** Blocks, and SMs, that each processor of a rank has. */
export function processorBlocksOf(actors: RankActors): number {
  return actors.blocks / (processorsOf(actors) + 1);
}

/** What a header says of a rank: its processors only where they are not all blocks but one, so that other files stay the same. */
export function rankActors(blocks: number, processors: number, subscribers: number): RankActors {
  return processors === blocks - 1 ? { blocks, subscribers } : { blocks, processors, subscribers };
}
