/**
 * The library: scenario in, traces out, judged and compared.
 *
 *     const scenario = loadScenario('scenarios/small.yaml');
 *     const { trace } = simulate(scenario);
 *     const { clean, monitors } = checkTrace(trace);
 */
export { checkTrace } from './check/check-trace.ts';
export type { CheckReport, InvariantId, MonitorResult, Violation } from './check/report.ts';
export { type Comparison, ComparisonError, compareTraces } from './compare/compare.ts';
export { type TraceMetrics, traceMetrics } from './compare/metrics.ts';
export { loadScenario, parseScenario } from './moe/load-scenario.ts';
export type { Scenario } from './moe/scenario.ts';
export { ScenarioError } from './moe/scenario-error.ts';
export { scenarioHash } from './moe/scenario-hash.ts';
export { scenarioJsonSchema } from './moe/scenario-schema.ts';
export type { PolicyDefinition, SchedulingPolicy } from './policies/policy.ts';
export {
  type SimulationOptions,
  type SimulationResult,
  simulate,
} from './systems/fused/simulate.ts';
export { TraceError } from './trace/errors.ts';
export { decodeTrace, encodeTrace, readTrace, writeTrace } from './trace/store.ts';
export type { Trace, TraceHeader } from './trace/trace.ts';
