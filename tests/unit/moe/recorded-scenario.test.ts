import { expect, test } from 'vitest';
import { recordedScenario } from '../../../sim/moe/recorded-scenario.ts';
import { runScenario } from '../../support/run-scenario.ts';

const machine = (gemm: string): { name: string; facts: Record<string, string> } => ({
  name: 'GPU',
  facts: { GEMM: gemm },
});

test('the kernel of a trace is the one its scenario names, or the one among the facts of its machine', () => {
  const mma = runScenario();
  const wgmma = runScenario({ 'world.gemm': 'wgmma' });
  expect(recordedScenario({ scenario: mma, machine: machine('mma') })).toBe(mma);
  expect(recordedScenario({ scenario: mma, machine: machine('wgmma') })).toEqual(wgmma);
  expect(recordedScenario({ scenario: wgmma, machine: machine('wgmma') })).toBe(wgmma);
  expect(recordedScenario({ scenario: mma, machine: { name: 'h200', facts: {} } })).toBe(mma);
});
