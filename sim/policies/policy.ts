/** The interface every policy implements; it is defined beside the scheduler that calls it. */
export type {
  PolicyContext,
  PolicyDefinition,
  PolicyOptions,
  SchedulingPolicy,
} from '../actors/policy.ts';
