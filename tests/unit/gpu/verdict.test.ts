import { describe, expect, it } from 'vitest';
import type { CheckResult } from '../../../binding/index.ts';
import { keptPerExpert, outputProblems, routingProblem } from '../../../sim/gpu/verdict.ts';
import { routeTokens } from '../../../sim/moe/routing.ts';
import { runScenario } from '../../support/run-scenario.ts';

const good: CheckResult = {
  tokensChecked: 24,
  relativeError: 0.003,
  maxError: 0.01,
  referenceNorm: 5,
  unwritten: 0,
  notFinite: 0,
  routingMismatches: 0,
  routingNearTies: 0,
  placementMismatches: 0,
  scaleMismatches: 0,
  dropped: 0,
  worstToken: 7,
  worstColumn: 9,
};

describe("judging a launch's output", () => {
  it('finds nothing in a good one, drops and near ties included', () => {
    expect(outputProblems({ ...good, dropped: 4, routingNearTies: 2 })).toEqual([]);
  });

  it.each([
    [{ relativeError: 0.02 }, 'relative error 0.02 over 0.01 (largest 0.01 at token 7, column 9)'],
    [{ relativeError: NaN }, 'relative error NaN over 0.01'],
    [{ unwritten: 3 }, '3 output elements never written'],
    [{ notFinite: 1 }, '1 output elements not finite'],
    [{ routingMismatches: 2 }, '2 choices the fp64 router refutes'],
    [{ placementMismatches: 2 }, '2 rows out of token order or capacity'],
    [{ scaleMismatches: 8 }, '8 scales off'],
  ])('names %j', (wrong, message) => {
    expect(outputProblems({ ...good, ...wrong }).join()).toContain(message);
  });
});

describe("judging a launch's routing", () => {
  const scenario = runScenario({ 'model.capacity': '0.5' });
  const routing = routeTokens(scenario);
  const kernelRouting = (): { choices: Uint32Array; rows: Uint32Array } => ({
    choices: Uint32Array.from(routing.choices[1]![0]!),
    rows: Uint32Array.from(routing.kept[1]![0]!, (row) => (row < 0 ? 0xffffffff : row)),
  });

  it("accepts the scenario's own, drops included", () => {
    const result = kernelRouting();
    expect(result.rows).toContain(0xffffffff);
    expect(routingProblem(result, routing, 1, 0, 2)).toBeUndefined();
    expect(keptPerExpert(result, scenario.model.experts)).toEqual(routing.rows[1]![0]);
  });

  it('names the first choice and the first row that differ', () => {
    const other = kernelRouting();
    other.choices[5] = 99;
    const expert = routing.choices[1]![0]![5];
    expect(routingProblem(other, routing, 1, 0, 2)).toBe(
      `token 2, choice 1: expected expert ${expert}, got 99`,
    );
    const moved = kernelRouting();
    moved.rows[0] = 0xffffffff;
    expect(routingProblem(moved, routing, 1, 0, 2)).toBe(
      'token 0, choice 0: expected row 0 (-1: dropped), got -1',
    );
    const short = { choices: new Uint32Array(2), rows: new Uint32Array(2) };
    expect(routingProblem(short, routing, 1, 0, 2)).toBe('expected 48 choices, got 2');
  });
});
