import { type Monitor, undecidable } from '../monitor.ts';

export const w4GreedyBound: Monitor = undecidable(
  'W4',
  'greedy, lazy and zero latency: makespan at most work / m + (1 - 1/m) x critical path',
  'needs a machine without latencies, which no recorded run has: tested as a property of the simulator',
);
