import { kernelPolicies } from '../../binding/kernel.ts';
import { splitmix } from './splitmix.ts';
import { crowded, leastBacklog, type WorldSpec } from './world-spec.ts';

/**
 * A small world from a seed: one to three ranks with unequal experts, one to three processors, one or two subscribers, up to
 * four epochs, both readinesses, every policy, ample and least backlogs, empty cells, residue rows. The same seed gives the
 * same world.
 */
export function randomWorld(seed: number): WorldSpec {
  const below = splitmix(seed);
  const ranks = 1 + below(3);
  const expertsPerRank = Array.from({ length: ranks }, () => 1 + below(2));
  const experts = expertsPerRank.reduce((sum, n) => sum + n, 0);
  const topK = 1 + below(2);
  const tokens = 8 + 4 * below(4);
  const row = (): number => (below(3) === 0 ? 0 : below(13));
  const rankRows = (): number[] => {
    let left = tokens * topK;
    return Array.from({ length: experts }, () => {
      const rows = Math.min(row(), left, tokens);
      left -= rows;
      return rows;
    });
  };
  const spec: WorldSpec = {
    ...crowded,
    expertsPerRank,
    topK,
    tokens,
    hidden: 64 * (1 + below(3)),
    intermediate: 64 * (1 + below(3)),
    tileCols: 64 * (1 + below(2)),
    processors: 1 + below(3),
    subscribers: 1 + below(2),
    readiness: below(2) === 0 ? 'eager' : 'lazy',
    policy: kernelPolicies[below(kernelPolicies.length)] ?? 'fifo',
    rows: Array.from({ length: 1 + below(4) }, () => Array.from({ length: ranks }, rankRows)),
    model: below(2) === 0 ? 'weak' : 'sc',
  };
  return { ...spec, backlog: below(2) === 0 ? spec.backlog : leastBacklog(spec) };
}
