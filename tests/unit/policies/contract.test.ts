import { describe } from 'vitest';
import { policies } from '../../../sim/policies/index.ts';
import { testPolicyContract } from '../../support/policy-contract.ts';

describe.each(policies)('policy $name', (policy) => {
  testPolicyContract(policy);
});
