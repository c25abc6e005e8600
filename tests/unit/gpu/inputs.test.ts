import { describe, expect, it } from 'vitest';
import { routerWeight, toBf16, tokenRows } from '../../../sim/gpu/inputs.ts';
import { routeTokens } from '../../../sim/moe/routing.ts';
import { runScenario } from '../../support/run-scenario.ts';

function fromBf16(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
}

describe('inputs of a run on the GPU', () => {
  const scenario = runScenario();
  const { hidden, experts, topK } = scenario.model;
  const routing = routeTokens(scenario);

  it("let a router of the given weight reach the scenario's choices, in order", () => {
    const weight = fromBf16(routerWeight(scenario));
    for (const [launch, ranks] of routing.choices.entries()) {
      for (const [rank, choices] of ranks.entries()) {
        const x = fromBf16(tokenRows(scenario, launch, rank, choices));
        for (let token = 0; token * topK < choices.length; token++) {
          const logits = Array.from({ length: experts }, (_, e) => {
            let sum = 0;
            for (let h = 0; h < hidden; h++) {
              sum += x[token * hidden + h]! * weight[e * hidden + h]!;
            }
            return sum;
          });
          const ranked = logits.map((_, e) => e).sort((a, b) => logits[b]! - logits[a]! || a - b);
          const expected = [...choices.subarray(token * topK, (token + 1) * topK)];
          expect(ranked.slice(0, topK)).toEqual(expected);
        }
      }
    }
  });

  it('fill the other columns with all levels from -1 up to 1, differently by rank and launch', () => {
    const rest = (launch: number, rank: number): number[] => {
      const x = fromBf16(tokenRows(scenario, launch, rank, routing.choices[launch]![rank]!));
      return [...x].filter((_, i) => i % hidden >= experts);
    };
    const values = rest(0, 0);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(new Set(values).size).toBeGreaterThan(200);
    expect(rest(0, 0)).toEqual(values);
    expect(rest(0, 1)).not.toEqual(values);
    expect(rest(1, 0)).not.toEqual(values);
  });

  it('refuses to round a value that must survive bf16', () => {
    expect(toBf16(-1.5)).toBe(0xbfc0);
    expect(() => toBf16(1.001)).toThrow('1.001 is not exact in bf16');
  });
});
