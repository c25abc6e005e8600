import type { TraceHeader } from '../trace/trace.ts';
import { gemmPaths, type Scenario } from './scenario.ts';
import { scenarioHash } from './scenario-hash.ts';

/**
 * The scenario of a trace with the kernel that ran it. Traces from before scenarios named the kernel have it among the
 * facts of the machine.
 */
export function recordedScenario({
  scenario,
  machine,
}: Pick<TraceHeader, 'scenario' | 'machine'>): Scenario {
  const recorded = scenario as Scenario;
  const gemm = gemmPaths.find((name) => name === machine.facts['GEMM']);
  const named = recorded.world.gemm !== undefined;
  if (named || gemm === undefined || gemm === gemmPaths[0]) return recorded;
  return { ...recorded, world: { ...recorded.world, gemm } };
}

/** Hash of the scenario of a trace, its kernel included: the header's own, but for traces that do not name the kernel there. */
export function recordedHash(header: TraceHeader): string {
  const scenario = recordedScenario(header);
  return scenario === header.scenario ? header.scenarioHash : scenarioHash(scenario);
}
