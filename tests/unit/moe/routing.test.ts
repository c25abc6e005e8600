import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { parseScenario } from '../../../sim/moe/load-scenario.ts';
import { plantedLogits } from '../../../sim/moe/planted-logits.ts';
import { routeTokens } from '../../../sim/moe/routing.ts';
import { zipfWeights } from '../../../sim/moe/routing-weights.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';

interface Wanted {
  readonly routing: string;
  readonly ranks?: number;
  readonly tokens?: string;
  readonly experts?: number;
  readonly topK?: number;
  readonly launches?: number;
}

function scenario(wanted: Wanted, file = 'case.yaml'): Scenario {
  const { routing, ranks = 1, tokens = '4000', experts = 8, topK = 2, launches = 1 } = wanted;
  return parseScenario(
    [
      `world: { ranks: ${ranks} }`,
      `model: { tokens: ${tokens}, hidden: 64, intermediate: 64, experts: ${experts}, topK: ${topK} }`,
      `routing: ${routing}`,
      `launches: ${launches}`,
      'seed: 7',
    ].join('\n'),
    file,
  );
}

/** How often each expert was the n-th choice of a token, n from 0. */
function tally(choices: Int32Array, k: number, nth: number, experts: number): number[] {
  const counts = Array.from({ length: experts }, () => 0);
  for (let at = nth; at < choices.length; at += k) counts[choices[at]!]! += 1;
  return counts;
}

/** Largest distance of a count from its expectation, in standard deviations. */
function deviation(counts: readonly number[], probabilities: readonly number[], n: number): number {
  return Math.max(
    ...counts.map((count, i) => {
      const p = probabilities[i]!;
      return Math.abs(count - n * p) / Math.sqrt(n * p * (1 - p));
    }),
  );
}

describe('uniform', () => {
  test('every expert is every choice equally often', () => {
    const [choices] = routeTokens(scenario({ routing: '{ kind: uniform }' })).choices[0]!;
    for (const nth of [0, 1]) {
      const counts = tally(choices!, 2, nth, 8);
      expect(
        deviation(
          counts,
          Array.from({ length: 8 }, () => 1 / 8),
          4000,
        ),
      ).toBeLessThan(5);
    }
  });
});

describe('zipf', () => {
  test('weights are 1 / (e + 1)^exponent over a seeded order', () => {
    const weights = zipfWeights(6, 1, 3);
    const scaled = [...weights].sort((a, b) => b - a).map((w) => w / 2 ** 32);
    [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6].forEach((w, e) => expect(scaled[e]).toBeCloseTo(w, 8));
    expect(zipfWeights(6, 1, 4)).not.toEqual(weights);
  });

  test('first choices follow the weights, second ones the weights of those left', () => {
    const s = scenario({
      routing: '{ kind: zipf, exponent: 1.5, seed: 3 }',
      tokens: '20000',
      experts: 4,
    });
    const [choices] = routeTokens(s).choices[0]!;
    const weights = zipfWeights(4, 1.5, 3);
    const total = weights.reduce((a, b) => a + b);
    const first = weights.map((w) => w / total);
    const second = weights.map((w, e) =>
      weights.reduce((p, v, d) => (d === e ? p : p + (v / total) * (w / (total - v))), 0),
    );
    expect(deviation(tally(choices!, 2, 0, 4), first, 20000)).toBeLessThan(5);
    expect(deviation(tally(choices!, 2, 1, 4), second, 20000)).toBeLessThan(5);
  });

  test('exponent 0 is uniform', () => {
    expect(new Set(zipfWeights(9, 0, 1)).size).toBe(1);
  });
});

describe('hot', () => {
  test('the hot experts get their share of the first choices', () => {
    const s = scenario({ routing: '{ kind: hot, experts: [1, 5], share: 0.7 }' });
    const [choices] = routeTokens(s).choices[0]!;
    const first = [0, 1, 2, 3, 4, 5, 6, 7].map((e) => (e === 1 || e === 5 ? 0.35 : 0.05));
    expect(deviation(tally(choices!, 2, 0, 8), first, 4000)).toBeLessThan(5);
  });

  test('a share of one leaves no first choice for the others', () => {
    const s = scenario({ routing: '{ kind: hot, experts: [1, 5], share: 1 }' });
    const counts = tally(routeTokens(s).choices[0]![0]!, 2, 0, 8);
    expect(counts.filter((n) => n > 0).length).toBe(2);
    expect(counts[1]! + counts[5]!).toBe(4000);
  });
});

describe('silent', () => {
  test('one rank sends nothing to the experts of another; all other pairs talk', () => {
    const s = scenario({ routing: '{ kind: silent, from: 2, to: 0 }', ranks: 4, tokens: '200' });
    const { rows } = routeTokens(s);
    rows[0]!.forEach((ofSource, source) => {
      for (let rank = 0; rank < 4; rank++) {
        const sent = ofSource[rank * 2]! + ofSource[rank * 2 + 1]!;
        expect(sent === 0, `${source} to ${rank}`).toBe(source === 2 && rank === 0);
      }
    });
  });

  test('needs k experts elsewhere, unless the silent rank has no tokens', () => {
    const routing = '{ kind: silent, from: 1, to: 0 }';
    const wanted = { routing, ranks: 2, experts: 4, topK: 3 };
    expect(() => scenario({ ...wanted, tokens: '4' })).toThrow(
      'routing: expected at least model.topK = 3 experts to choose from for rank 1, got 2',
    );
    expect(routeTokens(scenario({ ...wanted, tokens: '[4, 0]' })).rows[0]![1]).toEqual([
      0, 0, 0, 0,
    ]);
  });
});

describe('recorded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kerneltwin-routing-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const choices = [
    [
      [
        [3, 0],
        [1, 2],
      ],
      [[0, 1]],
    ],
  ];
  const wanted = {
    routing: '{ kind: file, path: r.json }',
    ranks: 2,
    tokens: '[2, 1]',
    experts: 4,
  };

  const recorded = (content: unknown, over: Partial<Wanted> = {}): Scenario => {
    writeFileSync(join(folder, 'r.json'), JSON.stringify(content));
    return scenario({ ...wanted, ...over }, join(folder, 'case.yaml'));
  };

  test('replays the choices of the file, found beside the scenario', () => {
    const routing = routeTokens(recorded({ choices }));
    expect(routing.choices[0]!.map((c) => [...c])).toEqual([
      [3, 0, 1, 2],
      [0, 1],
    ]);
    expect(routing.rows[0]).toEqual([
      [1, 1, 1, 1],
      [1, 1, 0, 0],
    ]);
  });

  test('reads gzip, and knows a file by its content', () => {
    const bytes = gzipSync(JSON.stringify({ choices }));
    writeFileSync(join(folder, 'r.json.gz'), bytes);
    const s = scenario(
      { ...wanted, routing: '{ kind: file, path: r.json.gz }' },
      join(folder, 'x.yaml'),
    );
    expect(s.routing).toMatchObject({ sha256: createHash('sha256').update(bytes).digest('hex') });
    expect([...routeTokens(s).choices[0]![1]!]).toEqual([0, 1]);
  });

  test('refuses a file that changed after the scenario was read', () => {
    const s = recorded({ choices });
    writeFileSync(join(folder, 'r.json'), '{}');
    expect(() => routeTokens(s)).toThrow(
      /r\.json: expected content with SHA-256 [0-9a-f]{64}, got /,
    );
  });

  test.each([
    ['too few launches', { choices }, { launches: 2 }, 'choices: expected 2 launches, got 1'],
    [
      'another number of ranks',
      { choices: [choices[0]!.slice(1)] },
      {},
      'choices[0]: expected 2 ranks, got 1',
    ],
    [
      'another number of tokens',
      { choices },
      { tokens: '[3, 1]' },
      'choices[0][0]: expected 3 tokens, got 2',
    ],
    [
      'another k',
      { choices },
      { topK: 1 },
      'choices[0][0][0]: expected 1 distinct experts under 4, got [3, 0]',
    ],
    [
      'an expert out of range',
      { choices },
      { experts: 3 },
      'expected 2 distinct experts under 3, got [3, 0]',
    ],
    [
      'a doubled expert',
      {
        choices: [
          [
            [
              [1, 1],
              [0, 1],
            ],
            [[0, 1]],
          ],
        ],
      },
      {},
      'distinct experts under 4, got [1, 1]',
    ],
    ['something else', { rows: [] }, {}, 'r.json: choices: '],
  ] as const)('refuses %s', (_what, content, over, message) => {
    expect(() => routeTokens(recorded(content, over))).toThrow(message);
  });

  test('refuses what is not JSON', () => {
    const s = recorded('');
    writeFileSync(join(folder, 'r.json'), '{');
    const sha256 = createHash('sha256').update('{').digest('hex');
    const broken = {
      ...s,
      routing: { kind: 'file', path: join(folder, 'r.json'), sha256 },
    } as const;
    expect(() => routeTokens(broken)).toThrow('r.json: expected JSON, got: ');
  });
});

describe('planted logits', () => {
  const s = scenario({ routing: '{ kind: uniform }', tokens: '500', experts: 64, topK: 8 });
  const choices = routeTokens(s).choices[0]![0]!;

  test('vary, so that probabilities are not all alike', () => {
    const logits = plantedLogits(s, 0, 0, choices);
    const gaps = new Set<number>();
    for (let token = 0; token < 500; token++) {
      const [first, second] = choices.subarray(token * 8);
      gaps.add(logits[token * 64 + first!]! - logits[token * 64 + second!]!);
    }
    expect(gaps.size).toBe(8);
    expect(new Set(logits).size).toBeGreaterThan(100);
    expect(plantedLogits(s, 1, 0, choices)).not.toEqual(logits);
    expect(plantedLogits(s, 0, 0, choices)).toEqual(logits);
  });

  test('need E <= H, whole tokens and experts of the model', () => {
    const wide = scenario({ routing: '{ kind: uniform }', experts: 65 });
    expect(() => plantedLogits(wide, 0, 0, new Int32Array(2))).toThrow(
      'model.experts: expected at most model.hidden = 64, because the routing is planted in the ' +
        'first columns of x, got 65',
    );
    expect(() => plantedLogits(s, 0, 0, new Int32Array(9))).toThrow('expected a multiple of k = 8');
    expect(() => plantedLogits(s, 0, 0, new Int32Array(8).fill(64))).toThrow(
      'token 0: expected an expert under 64, got 64',
    );
  });
});
