import { describe, expect, test } from 'vitest';
import { fifo, policies, policyOf } from '../../../sim/policies/index.ts';

describe('policies by name', () => {
  test('are found', () => {
    for (const policy of policies) {
      expect(policyOf({ policy: policy.name, policyOptions: {} })).toBe(policy);
    }
    expect(new Set(policies.map(({ name }) => name)).size).toBe(policies.length);
  });

  test('an unknown one lists the known ones, those of the caller too', () => {
    const own = { ...fifo, name: 'mine' };
    expect(policyOf({ policy: 'mine', policyOptions: {} }, [own])).toBe(own);
    expect(() => policyOf({ policy: 'fifth', policyOptions: {} }, [own])).toThrow(
      'policy: expected one of mine, fifo, interleave, gemm1-first, round-robin, static, lag, got fifth',
    );
  });

  test('an unknown option lists the known ones', () => {
    expect(() => policyOf({ policy: 'lag', policyOptions: { hold: true } })).toThrow(
      'policyOptions.hold: lag has holdCombine, got hold',
    );
    expect(() => policyOf({ policy: 'fifo', policyOptions: { x: 1 } })).toThrow(
      'fifo has no options',
    );
  });
});
