import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseScenario } from '../../sim/moe/load-scenario.ts';
import { plantedLogits } from '../../sim/moe/planted-logits.ts';
import { routeTokens } from '../../sim/moe/routing.ts';
import type { Scenario } from '../../sim/moe/scenario.ts';

const seed = fc.nat(2 ** 32 - 1);

/** Scenarios of every kind of drawn routing, unequal experts, idle ranks, dropless and with drops. */
const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    held: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    tokens: fc.array(fc.oneof(fc.constant(0), fc.nat(70)), { minLength: 4, maxLength: 4 }),
    topK: fc.integer({ min: 1, max: 8 }),
    capacity: fc.oneof(fc.constant('dropless'), fc.constantFrom(0.1, 0.5, 1, 1.1, 1.25, 3)),
    kind: fc.constantFrom('uniform', 'zipf', 'hot', 'silent'),
    pick: fc.nat(),
    share: fc.constantFrom(0, 0.3, 0.9),
    exponent: fc.constantFrom(0, 0.7, 1, 2.5),
    launches: fc.integer({ min: 1, max: 3 }),
    seed,
  })
  .map((c) => {
    const ranks = c.held.length;
    const experts = c.held.reduce((a, b) => a + b);
    const to = c.pick % ranks;
    const routing = {
      uniform: { kind: 'uniform' },
      zipf: { kind: 'zipf', exponent: c.exponent },
      hot:
        experts > 1
          ? { kind: 'hot', experts: [c.pick % experts], share: c.share }
          : { kind: 'uniform' },
      silent: { kind: 'silent', from: Math.floor(c.pick / 7) % ranks, to },
    }[c.kind];
    const choosable = c.kind === 'silent' ? experts - c.held[to]! : experts;
    return {
      world: { ranks, expertsPerRank: c.held },
      model: {
        tokens: c.tokens.slice(0, ranks),
        hidden: 64,
        intermediate: 64,
        experts,
        topK: Math.min(c.topK, choosable),
        capacity: c.capacity,
      },
      routing,
      launches: c.launches,
      tiles: { rows: 8, cols: 64 },
      seed: c.seed,
    };
  })
  .filter((c) => c.model.topK > 0)
  .map((c) => parseScenario(JSON.stringify(c), 'generated.yaml'));

/** ceil(S k / E x factor), at most S, with the factor in hundredths: an oracle for the factors used here. */
function capacity(s: Scenario, rank: number): number {
  const tokens = s.model.tokens[rank]!;
  if (s.model.capacityFactor === null) return tokens;
  const hundredths = Math.round(s.model.capacityFactor * 100);
  let rows = 0;
  while (rows * s.model.experts * 100 < tokens * s.model.topK * hundredths) rows++;
  return Math.min(rows, tokens);
}

describe('routing', () => {
  test('gives every token k distinct experts', () => {
    fc.assert(
      fc.property(scenarios, (s) => {
        const { choices } = routeTokens(s);
        expect(choices.length).toBe(s.launches);
        for (const launch of choices) {
          launch.forEach((flat, rank) => {
            const k = s.model.topK;
            expect(flat.length).toBe(s.model.tokens[rank]! * k);
            for (let at = 0; at < flat.length; at += k) {
              const token = flat.subarray(at, at + k);
              expect(new Set(token).size).toBe(k);
              expect(token.every((e) => e >= 0 && e < s.model.experts)).toBe(true);
            }
          });
        }
      }),
    );
  });

  test('loses no choice: each is a row of its cell or dropped, rows are numbered in token order', () => {
    fc.assert(
      fc.property(scenarios, (s) => {
        const { choices, kept, rows } = routeTokens(s);
        for (let launch = 0; launch < s.launches; launch++) {
          for (let rank = 0; rank < s.world.ranks; rank++) {
            const limit = capacity(s, rank);
            const asked = Array.from({ length: s.model.experts }, () => 0);
            choices[launch]![rank]!.forEach((expert, i) => {
              const nth = asked[expert]!++;
              expect(kept[launch]![rank]![i]).toBe(nth < limit ? nth : -1);
            });
            expect(rows[launch]![rank]).toEqual(asked.map((n) => Math.min(n, limit)));
            const held = rows[launch]![rank]!.reduce((a, b) => a + b, 0);
            const dropped = kept[launch]![rank]!.filter((row) => row === -1).length;
            expect(held + dropped).toBe(s.model.tokens[rank]! * s.model.topK);
          }
        }
      }),
    );
  });

  test('of one rank does not change when other ranks get more tokens or launches follow', () => {
    fc.assert(
      fc.property(scenarios, fc.nat(3), (s, extra) => {
        const rank = extra % s.world.ranks;
        const tokens = s.model.tokens.map((n, r) => (r === rank ? n : n + 1 + extra));
        const more = { ...s, launches: s.launches + 1, model: { ...s.model, tokens } };
        expect(routeTokens(more).choices[0]![rank]).toEqual(routeTokens(s).choices[0]![rank]);
      }),
    );
  });

  test('differs between launches, ranks and seeds', () => {
    fc.assert(
      fc.property(seed, (n) => {
        const text = (value: number): string =>
          `{world: {ranks: 2}, model: {tokens: 64, hidden: 64, intermediate: 64, experts: 16, topK: 2}, launches: 2, seed: ${value}}`;
        const streams = [n, (n + 1) % 2 ** 32].flatMap((value) =>
          routeTokens(parseScenario(text(value), 's.yaml')).choices.flat(),
        );
        expect(new Set(streams.map((c) => c.join())).size).toBe(8);
      }),
      { numRuns: 30 },
    );
  });
});

describe('planted logits', () => {
  const planted = scenarios.map((s) => ({ s, choices: routeTokens(s).choices }));

  /** Softmax in fp32, then k times the largest probability that is left, the lower expert first. */
  function softmaxTopK(logits: Float32Array, k: number): number[] {
    const top = Math.max(...logits);
    const weights = Float32Array.from(logits, (x) => Math.exp(x - top));
    const sum = weights.reduce((a, b) => Math.fround(a + b), 0);
    const left = Array.from(weights, (w, expert) => ({ p: Math.fround(w / sum), expert }));
    left.sort((a, b) => b.p - a.p || a.expert - b.expert);
    return left.slice(0, k).map((x) => x.expert);
  }

  test('lead softmax top-k to exactly the choices, in their order', () => {
    fc.assert(
      fc.property(planted, ({ s, choices }) => {
        const { experts, topK } = s.model;
        choices.forEach((launch, l) => {
          launch.forEach((flat, rank) => {
            const logits = plantedLogits(s, l, rank, flat);
            expect(logits.length).toBe((flat.length / topK) * experts);
            for (let token = 0; token * topK < flat.length; token++) {
              const of = logits.subarray(token * experts, (token + 1) * experts);
              const wanted = [...flat.subarray(token * topK, (token + 1) * topK)];
              expect(softmaxTopK(of, topK)).toEqual(wanted);
            }
          });
        });
      }),
    );
  });

  test('are exact in bf16', () => {
    fc.assert(
      fc.property(planted, ({ s, choices }) => {
        const logits = plantedLogits(s, 0, 0, choices[0]![0]!);
        const bits = new Uint32Array(logits.buffer);
        expect(bits.every((word) => (word & 0xffff) === 0)).toBe(true);
      }),
    );
  });
});
