import type { Scenario } from '../moe/scenario.ts';
import type { Trace } from '../trace/trace.ts';
import { type Facts, factsOf } from './facts.ts';
import { type Order, orderOf } from './order.ts';

/** What monitors judge. */
export interface CheckContext extends Facts {
  /** Program order and reads-from edges of all events. */
  readonly order: Order;
}

/** Builds everything that monitors share. The scenario is the one of the trace's header (`scenarioOf`). */
export function contextOf(trace: Trace, scenario: Scenario): CheckContext {
  const facts = factsOf(trace, scenario);
  return { ...facts, order: orderOf(facts) };
}
