import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadScenario, parseScenario } from '../../../sim/moe/load-scenario.ts';
import { activations, type Scenario } from '../../../sim/moe/scenario.ts';
import { canonicalJson, scenarioHash } from '../../../sim/moe/scenario-hash.ts';
import { scenarioJsonSchema, scenarioSchemaText } from '../../../sim/moe/scenario-schema.ts';

const least = `
world: { ranks: 2 }
model: { tokens: 16, hidden: 64, intermediate: 128, experts: 5, topK: 2 }
`;

const parse = (text: string, set: Record<string, string> = {}): Scenario =>
  parseScenario(text, 'folder/case.yaml', set);

describe('a scenario', () => {
  test('that names the default kernel is the one that does not', () => {
    expect(parse(least, { 'world.gemm': 'mma' })).toEqual(parse(least));
    const wgmma = parse(least, { 'world.gemm': 'wgmma' });
    expect(wgmma.world.gemm).toBe('wgmma');
    expect(scenarioHash(wgmma)).not.toBe(scenarioHash(parse(least)));
    expect(() => parse(least, { 'world.gemm': 'fma' })).toThrow('expected one of mma, wgmma');
  });

  test('that gives only sizes gets every default', () => {
    expect(parse(least)).toEqual({
      name: 'case',
      description: '',
      world: {
        ranks: 2,
        gpus: 2,
        machine: 'h200',
        blocks: null,
        expertsPerRank: [3, 2],
        transport: 'direct',
      },
      model: {
        tokens: [16, 16],
        hidden: 64,
        intermediate: 128,
        experts: 5,
        topK: 2,
        capacityFactor: null,
        activation: 'gelu',
        dtype: 'bf16',
        renormalise: true,
        bias: true,
      },
      routing: { kind: 'uniform', seed: 1 },
      tiles: { rows: 128, cols: 128 },
      policy: 'fifo',
      policyOptions: {},
      readiness: 'eager',
      launches: 1,
      noise: { durationPpm: 0, launchSkewNs: 0 },
      seed: 1,
    } satisfies Scenario);
  });

  test('that gives everything keeps it', () => {
    const s = parse(`
name: full
description: everything given
world:
  { ranks: 3, gpus: 1, machine: a100, blocks: 9, expertsPerRank: [1, 4, 1], transport: put }
model:
  tokens: [4, 0, 9]
  hidden: 128
  intermediate: 64
  experts: 6
  topK: 3
  capacity: 1.25
  activation: silu
  dtype: fp16
  renormalise: false
  bias: false
routing: { kind: hot, experts: [5, 1], share: 0.5, seed: 99 }
tiles: { rows: 8, cols: 192 }
policy: lag
policyOptions: { hold: 3, mode: soft, strict: true }
readiness: lazy
launches: 4
noise: { durationPpm: 10, launchSkewNs: 20 }
seed: 4294967295
`);
    expect(s.world).toEqual({
      ranks: 3,
      gpus: 1,
      machine: 'a100',
      blocks: 9,
      expertsPerRank: [1, 4, 1],
      transport: 'put',
    });
    expect(s.model.tokens).toEqual([4, 0, 9]);
    expect(s.model.capacityFactor).toBe(1.25);
    expect([s.model.activation, s.model.dtype]).toEqual(['silu', 'fp16']);
    expect([s.model.renormalise, s.model.bias]).toEqual([false, false]);
    expect(s.routing).toEqual({ kind: 'hot', experts: [5, 1], share: 0.5, seed: 99 });
    expect(s.tiles).toEqual({ rows: 8, cols: 192 });
    expect([s.policy, s.policyOptions]).toEqual(['lag', { hold: 3, mode: 'soft', strict: true }]);
    expect([s.readiness, s.launches, s.seed]).toEqual(['lazy', 4, 4294967295]);
    expect(s.noise).toEqual({ durationPpm: 10, launchSkewNs: 20 });
  });

  test.each(activations)('may have the activation %s', (activation) => {
    expect(parse(least, { 'model.activation': activation }).model.activation).toBe(activation);
  });

  test('takes the seed of its routing from its own seed unless given', () => {
    expect(parse(`${least}seed: 5`).routing).toEqual({ kind: 'uniform', seed: 5 });
    expect(parse(`${least}seed: 5\nrouting: { kind: zipf, exponent: 1, seed: 6 }`).routing).toEqual(
      {
        kind: 'zipf',
        exponent: 1,
        seed: 6,
      },
    );
  });

  test('finds a machine profile given as a path beside its file', () => {
    expect(parse(least, { 'world.machine': './mine.json' }).world.machine).toBe('folder/mine.json');
    expect(parse(least, { 'world.machine': '../mine/x.json' }).world.machine).toBe('mine/x.json');
  });
});

describe('overrides', () => {
  test('are YAML values at dotted paths, applied in order', () => {
    const s = parse(least, {
      'model.tokens': '[8, 0]',
      'model.tokens.1': '3',
      'noise.launchSkewNs': '7',
      routing: '{ kind: silent, from: 0, to: 1 }',
      'routing.to': '0',
      'model.capacity': '1.5',
      policy: 'static',
    });
    expect(s.model.tokens).toEqual([8, 3]);
    expect(s.noise.launchSkewNs).toBe(7);
    expect(s.routing).toEqual({ kind: 'silent', from: 0, to: 0, seed: 1 });
    expect(s.model.capacityFactor).toBe(1.5);
    expect(s.policy).toBe('static');
  });

  test('do not change the text they apply to', () => {
    expect(parse(least, { seed: '3' }).seed).toBe(3);
    expect(parse(least).seed).toBe(1);
  });
});

describe('the identity of a scenario', () => {
  const base = parse(least);

  test('does not depend on its name, description or the order of keys', () => {
    const same = parse(`
description: the same work
name: another
model: { topK: 2, experts: 5, intermediate: 128, hidden: 64, tokens: [16, 16] }
world: { expertsPerRank: [3, 2], ranks: 2 }
`);
    expect(scenarioHash(same)).toBe(scenarioHash(base));
    const reversed = Object.fromEntries(Object.entries(base).reverse()) as unknown as Scenario;
    expect(canonicalJson(reversed)).toBe(canonicalJson(base));
  });

  test.each([
    { seed: '2' },
    { 'model.tokens': '[16, 15]' },
    { 'world.expertsPerRank': '[2, 3]' },
    { policy: 'static' },
    { readiness: 'lazy' },
    { 'noise.durationPpm': '1' },
    { 'model.capacity': '1' },
  ])('depends on %j', (set) => {
    expect(scenarioHash(parse(least, set as Record<string, string>))).not.toBe(scenarioHash(base));
  });

  test('survives JSON, as in the header of a trace', () => {
    expect(scenarioHash(JSON.parse(JSON.stringify(base)) as Scenario)).toBe(scenarioHash(base));
    expect(scenarioHash(base)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('knows recorded routing by content, not by path', () => {
    const file = loadScenario('scenarios/recorded.yaml');
    const moved = { ...file, routing: { ...file.routing, path: 'elsewhere.json' } } as Scenario;
    const changed = { ...file, routing: { ...file.routing, sha256: '0'.repeat(64) } } as Scenario;
    expect(scenarioHash(moved)).toBe(scenarioHash(file));
    expect(scenarioHash(changed)).not.toBe(scenarioHash(file));
  });
});

describe('the JSON Schema', () => {
  test('in scenarios/ is the one of the code', () => {
    expect(readFileSync('scenarios/scenario.schema.json', 'utf8')).toBe(scenarioSchemaText());
  });

  test('requires only what has no default, and describes every key', () => {
    interface Node {
      required?: string[];
      properties?: Record<string, Node>;
      description?: string;
      additionalProperties?: boolean;
    }
    const schema = scenarioJsonSchema() as Node;
    expect(schema.required).toEqual(['world', 'model']);
    expect(schema.properties!['world']!.required).toEqual(['ranks']);
    expect(schema.properties!['model']!.required).toEqual([
      'tokens',
      'hidden',
      'intermediate',
      'experts',
      'topK',
    ]);
    const undescribed = Object.entries(schema.properties!).flatMap(([key, node]) =>
      Object.entries(node.properties ?? { [key]: node })
        .filter(([, child]) => child.description === undefined)
        .map(([child]) => `${key}.${child}`),
    );
    expect(undescribed).toEqual([]);
    expect(schema.additionalProperties).toBe(false);
  });
});
