import { type Shape, shapeOf } from '../moe/layout.ts';
import { type Placement, placementOf } from '../moe/placement.ts';
import type { Scenario } from '../moe/scenario.ts';
import { processorsOf } from '../trace/rank-actors.ts';
import type { Trace } from '../trace/trace.ts';

/** What the columns of a trace mean: the world it was made in. */
export interface World {
  readonly scenario: Scenario;
  readonly shape: Shape;
  readonly placement: Placement;
  /** Processors of each rank. */
  readonly processors: readonly number[];
}

/** The world of a trace, from the scenario in its header. */
export function worldOf(trace: Trace): World {
  const scenario = trace.header.scenario as Scenario;
  return {
    scenario,
    shape: shapeOf(scenario),
    placement: placementOf(scenario),
    processors: trace.header.ranks.map(processorsOf),
  };
}
