import { gemmOf, type Scenario, type World } from './scenario.ts';

/** A wgmma tile with more rows and more columns than these takes two blocks; with more of one, one block has a build for it. */
const alone = { rows: 64, cols: 128 } as const;

/**
 * Blocks of a processor: 2, a cluster on two SMs that share a tile's tokens, where the kernel has no build of one block for the
 * tiles; else 1. The tiles decide, as in the kernel, which picks its build by them.
 */
export function blocksPerProcessor({
  world,
  tiles,
}: Pick<Scenario, 'tiles'> & { readonly world: Pick<World, 'gemm'> }): 1 | 2 {
  const large = tiles.rows > alone.rows && tiles.cols > alone.cols;
  return gemmOf(world) === 'wgmma' && large ? 2 : 1;
}

/** Why blocks come in pairs, for messages. */
export const pairReason: string = `as wgmma has a pair of blocks for each processor of tiles over ${alone.rows} x ${alone.cols}`;
