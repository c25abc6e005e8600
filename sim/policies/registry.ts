import type { Scenario } from '../moe/scenario.ts';
import { ScenarioError } from '../moe/scenario-error.ts';
import { fifo } from './fifo.ts';
import { gemm1First } from './gemm1-first.ts';
import { interleave } from './interleave.ts';
import { lag } from './lag.ts';
import type { PolicyDefinition } from './policy.ts';
import { roundRobin } from './round-robin.ts';
import { staticDecode } from './static.ts';

/** The policies that come with the project. One of your own is one file like theirs and a line here. */
export const policies: readonly PolicyDefinition[] = [
  fifo,
  interleave,
  gemm1First,
  roundRobin,
  staticDecode,
  lag,
];

/**
 * The policy a scenario names, its options checked. `more`: policies of the caller, which win over equal names here.
 * @throws {ScenarioError} listing the known policies or options.
 */
export function policyOf(
  scenario: Pick<Scenario, 'policy' | 'policyOptions'>,
  more: readonly PolicyDefinition[] = [],
): PolicyDefinition {
  const known = [...more, ...policies];
  const policy = known.find(({ name }) => name === scenario.policy);
  if (policy === undefined) {
    const names = [...new Set(known.map(({ name }) => name))].join(', ');
    throw new ScenarioError([`policy: expected one of ${names}, got ${scenario.policy}`]);
  }
  const unknown = Object.keys(scenario.policyOptions).filter(
    (option) => !Object.hasOwn(policy.options, option),
  );
  if (unknown.length > 0) {
    const names = Object.keys(policy.options).join(', ') || 'no options';
    throw new ScenarioError(
      unknown.map(
        (option) => `policyOptions.${option}: ${policy.name} has ${names}, got ${option}`,
      ),
    );
  }
  return policy;
}
