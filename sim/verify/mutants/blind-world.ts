import { kernelPolicies } from '../../../binding/kernel.ts';
import { splitmix } from '../splitmix.ts';
import { crowded, leastBacklog, type WorldSpec } from '../world-spec.ts';

/**
 * A world from a seed, drawn without a thought of any fault: one or two ranks, up to eight experts each, few or many rows a
 * cell, one to eight column tiles, up to six epochs, direct stores or puts, any policy, ample or least
 * backlogs, now and then lanes with views of their own. The same seed gives the same world.
 */
export function blindWorld(seed: number): WorldSpec {
  const below = splitmix(seed);
  const ranks = 1 + below(2);
  const expertsPerRank = Array.from({ length: ranks }, () => 1 + below(8));
  const experts = expertsPerRank.reduce((sum, n) => sum + n, 0);
  const topK = 1 + below(2);
  const tokens = 8 + 4 * below(3);
  const most = 1 + below(12);
  const rankRows = (): number[] => {
    let left = tokens * topK;
    return Array.from({ length: experts }, () => {
      const rows = Math.min(below(4) === 0 ? 0 : 1 + below(most), left, tokens);
      left -= rows;
      return rows;
    });
  };
  const epochs = 1 + below(6);
  const transport = below(8);
  const spec: WorldSpec = {
    ...crowded,
    expertsPerRank,
    topK,
    tokens,
    hidden: 64 << below(4),
    intermediate: 64 << below(2),
    tileCols: 64,
    processors: 1 + below(3),
    subscribers: 1 + below(2),
    readiness: below(2) === 0 ? 'eager' : 'lazy',
    rows: Array.from({ length: epochs }, () => Array.from({ length: ranks }, rankRows)),
    model: 'weak',
    puts: transport < 2 ? 1 + transport : 0,
    lanes: transport === 7 ? 'views' : transport === 6 ? 'down' : 'up',
  };
  return {
    ...spec,
    policy: kernelPolicies[below(kernelPolicies.length)] ?? 'fifo',
    backlog: below(2) === 0 ? spec.backlog : leastBacklog(spec),
  };
}
