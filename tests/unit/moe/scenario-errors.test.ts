import { describe, expect, test } from 'vitest';
import { loadScenario, parseScenario } from '../../../sim/moe/load-scenario.ts';
import { ScenarioError } from '../../../sim/moe/scenario-error.ts';

const good = [
  'world:', // line 1
  '  ranks: 2',
  '  expertsPerRank: [3, 1]',
  'model:', // line 4
  '  tokens: [8, 16]',
  '  hidden: 128',
  '  intermediate: 64',
  '  experts: 4',
  '  topK: 2',
  'routing: { kind: uniform }', // line 10
];

/** Problems of the good scenario with one line replaced (1-based) and overrides. */
function problems(line: number, text: string, set: Record<string, string> = {}): readonly string[] {
  const lines = good.map((l, i) => (i + 1 === line ? text : l));
  return problemsOf(() => parseScenario(lines.join('\n'), 'a/b.yaml', set));
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ScenarioError) return error.problems;
    throw error;
  }
  return [];
}

test('the good scenario has no problems', () => {
  expect(problems(0, '')).toEqual([]);
});

describe('a wrong value is reported at file:line:column with its path, what was expected and given', () => {
  test.each([
    [2, '  ranks: 0', '2:3: world.ranks: expected an integer from 1 to 65536, got 0'],
    [2, '  ranks: two', '2:3: world.ranks: expected an integer from 1 to 65536, got "two"'],
    [2, '  ranks: 1.5', '2:3: world.ranks: expected an integer from 1 to 65536, got 1.5'],
    [
      6,
      '  hidden: 100',
      '6:3: model.hidden: expected an integer of at least 64, a multiple of 64, got 100',
    ],
    [
      6,
      '  hidden: .nan',
      '6:3: model.hidden: expected an integer of at least 64, a multiple of 64, got NaN',
    ],
    [5, '  tokens: [8, -1]', '5:15: model.tokens[1]: expected an integer of at least 0, got -1'],
    [
      5,
      '  tokens: many',
      '5:3: model.tokens: expected an integer of at least 0, or a list of them with one for each rank, got "many"',
    ],
    [9, '  topK: 9', '9:3: model.topK: expected an integer from 1 to 8, got 9'],
    [
      9,
      '  topK: 2\n  capacity: 0',
      '10:3: model.capacity: expected dropless or a factor over zero, got 0',
    ],
    [
      9,
      '  topK: 2\n  capacity: none',
      '10:3: model.capacity: expected dropless or a factor over zero, got "none"',
    ],
    [9, '  topK: 2\n  dtype: fp8', '10:3: model.dtype: expected one of bf16, fp16, got "fp8"'],
    [9, '  topK: 2\n  bias: maybe', '10:3: model.bias: expected true or false, got "maybe"'],
    [
      10,
      'routing: { kind: zip }',
      '10:12: routing.kind: expected one of uniform, zipf, hot, silent, file, got "zip"',
    ],
    [
      10,
      'routing: {}',
      '10:1: routing.kind: expected one of uniform, zipf, hot, silent, file, got nothing',
    ],
    [10, 'routing: even', '10:1: routing: expected a mapping with kind, got "even"'],
    [
      10,
      'routing: { kind: zipf }',
      '10:1: routing.exponent: expected a number from 0 to 16, got nothing',
    ],
    [
      10,
      'routing: { kind: zipf, exponent: 17 }',
      '10:24: routing.exponent: expected a number from 0 to 16, got 17',
    ],
    [
      10,
      'tiles: { rows: 12 }',
      '10:10: tiles.rows: expected an integer from 8 to 1024, a multiple of 8, got 12',
    ],
    [10, 'tiles: 3', '10:1: tiles: expected a mapping with rows, cols, got 3'],
    [10, 'seed: -1', '10:1: seed: expected an integer from 0 to 4294967295, got -1'],
    [
      10,
      'policyOptions: { a: [1] }',
      '10:18: policyOptions.a: expected a number, a text, true or false, got [1]',
    ],
    [10, 'launches: 0', '10:1: launches: expected an integer from 1 to 1000000, got 0'],
  ])('line %i: %s', (line, text, expected) => {
    expect(problems(line, text)).toEqual([`a/b.yaml:${expected}`]);
  });
});

describe('an unknown key is reported where it stands, with the nearest known one', () => {
  test.each([
    [10, 'rooting: { kind: uniform }', '10:1: rooting: ', 'rooting (did you mean routing?)'],
    [5, '  tokens: 4\n  topk: 2', '6:3: model.topk: ', 'topk (did you mean topK?)'],
    [5, '  tokens: 4\n  colour: red', '6:3: model.colour: ', 'colour'],
    [10, 'routing: { kind: uniform, exponent: 1 }', '10:27: routing.exponent: ', 'exponent'],
  ])('line %i: %s', (line, text, where, end) => {
    const [problem] = problems(line, text);
    expect(problem).toContain(`a/b.yaml:${where}expected one of the keys `);
    expect(problem!.endsWith(`, got ${end}`)).toBe(true);
  });
});

describe('values that do not fit each other are reported too', () => {
  test.each([
    [3, '  gpus: 3', ['3:3: world.gpus: expected a divisor of world.ranks = 2, got 3']],
    [
      3,
      '  expertsPerRank: [4]',
      [
        '3:3: world.expertsPerRank: expected 2 numbers (one for each rank) that sum to model.experts = 4, got [4]',
      ],
    ],
    [
      3,
      '  expertsPerRank: [2, 3]',
      [
        '3:3: world.expertsPerRank: expected 2 numbers (one for each rank) that sum to model.experts = 4, got [2,3]',
      ],
    ],
    [
      3,
      '  expertsPerRank: [4, 0]',
      [
        '3:3: world.expertsPerRank: expected at least one expert for each rank (a rank without ' +
          'experts is sent no signal, so nothing would hold it within one launch of its peers), got [4,0]',
      ],
    ],
    [
      5,
      '  tokens: [1, 2, 3]',
      ['5:3: model.tokens: expected 2 numbers (one for each rank), got [1,2,3]'],
    ],
    [9, '  topK: 5', ['9:3: model.topK: expected at most model.experts = 4, got 5']],
    [
      10,
      'routing: { kind: hot, experts: [4], share: 1 }',
      ['10:23: routing.experts: expected distinct experts under model.experts = 4, got [4]'],
    ],
    [
      10,
      'routing: { kind: hot, experts: [1, 1], share: 1 }',
      ['10:23: routing.experts: expected distinct experts under model.experts = 4, got [1,1]'],
    ],
    [
      10,
      'routing: { kind: silent, from: 2, to: 3 }',
      [
        '10:26: routing.from: expected a rank under world.ranks = 2, got 2',
        '10:35: routing.to: expected a rank under world.ranks = 2, got 3',
      ],
    ],
    [
      10,
      'routing: { kind: file, path: no.json }',
      ['10:24: routing.path: expected a readable file at a/no.json, got "no.json"'],
    ],
    [
      10,
      'routing: { kind: silent, from: 1, to: 0 }',
      [' b: routing: expected at least model.topK = 2 experts to choose from for rank 1, got 1'],
    ],
    [
      10,
      'routing: { kind: hot, experts: [0, 1, 2, 3], share: 0.5 }',
      [' b: routing.share: expected 1 when every expert is hot, got 0.5'],
    ],
  ])('line %i: %s', (line, text, expected) => {
    expect(problems(line, text)).toEqual(expected.map((e) => `a/b.yaml:${e}`));
  });
});

test('all problems are reported at once, missing values included', () => {
  const found = problemsOf(() =>
    parseScenario('nmae: x\nworld: { ranks: 0 }\nmodel: { tokens: 1 }', 'c.yaml'),
  );
  expect(found.map((p) => p.replace(/ expected .*/, ''))).toEqual([
    'c.yaml:2:10: world.ranks:',
    'c.yaml:3:1: model.hidden:',
    'c.yaml:3:1: model.intermediate:',
    'c.yaml:3:1: model.experts:',
    'c.yaml:3:1: model.topK:',
    'c.yaml:1:1: nmae:',
  ]);
  expect(new ScenarioError(found).message).toBe(found.join('\n'));
});

describe('a file that is no scenario', () => {
  const parse = (text: string): readonly string[] =>
    problemsOf(() => parseScenario(text, 'c.yaml'));

  test('is refused, empty or not a mapping', () => {
    expect(parse('')[0]).toMatch(
      /^c\.yaml:1:1: scenario: expected a mapping with name, .*, got null$/,
    );
    expect(parse('- 1')[0]).toMatch(
      /^c\.yaml:1:1: scenario: expected a mapping with .*, got \[1\]$/,
    );
  });

  test('is refused at the place of every YAML error', () => {
    expect(parse('world: [1\nmodel: }')).toEqual([
      expect.stringMatching(/^c\.yaml:\d+:\d+: expected valid YAML, got: /),
      expect.stringMatching(/^c\.yaml:\d+:\d+: expected valid YAML, got: /),
    ]);
    expect(parse('seed: 1\nseed: 2')).toEqual([
      'c.yaml:2:1: expected valid YAML, got: Map keys must be unique',
    ]);
    expect(parse('seed: !!odd 1')[0]).toMatch(/^c\.yaml:1:7: expected valid YAML, got: /);
  });

  test('is refused when it cannot be read', () => {
    expect(problemsOf(() => loadScenario('no/such.yaml'))).toEqual([
      expect.stringMatching(/^no\/such\.yaml: expected a readable scenario file, got: ENOENT/),
    ]);
  });
});

describe('a wrong override is reported as --set', () => {
  test.each([
    [{ 'model.topK': '9' }, '--set model.topK: model.topK: expected an integer from 1 to 8, got 9'],
    [
      { 'model.tokens': '[1, x]' },
      '--set model.tokens: model.tokens[1]: expected an integer of at least 0, got "x"',
    ],
    [
      { 'model.tokens.1': 'x' },
      '--set model.tokens.1: model.tokens[1]: expected an integer of at least 0, got "x"',
    ],
    [
      { 'model.tokens.2': '1' },
      '--set model.tokens.2: expected an index under 2 after model.tokens, got 2',
    ],
    [{ 'world.ranks.x': '1' }, '--set world.ranks.x: expected a mapping at world.ranks, got 2'],
    [
      { seed: '[1' },
      '--set seed: expected a YAML value, got "[1": Flow sequence must end with a ]',
    ],
    [{ 'a..b': '1' }, '--set a..b: expected a path like model.tokens, got "a..b"'],
    [
      { 'world.gpus': '3' },
      '--set world.gpus: world.gpus: expected a divisor of world.ranks = 2, got 3',
    ],
  ])('%j', (set, expected) => {
    expect(problems(0, '', set as Record<string, string>)).toEqual([expected]);
  });

  test('an unknown key too', () => {
    const [problem] = problems(0, '', { 'model.topk': '1' });
    expect(problem).toMatch(
      /^--set model\.topk: model\.topk: expected one of the keys .*\(did you mean topK\?\)$/,
    );
    expect(problems(0, '', { '__proto__.x': '1' })[0]).toMatch(
      /^--set __proto__\.x: __proto__: expected one/,
    );
  });

  test('the last override that set a value is the one named', () => {
    expect(
      problems(0, '', { routing: '{ kind: silent, from: 0, to: 1 }', 'routing.to': '5' }),
    ).toEqual(['--set routing.to: routing.to: expected a rank under world.ranks = 2, got 5']);
  });

  test('what the file itself has wrong stays at its line', () => {
    expect(problems(9, '  topK: 9', { seed: '1' })).toEqual([
      'a/b.yaml:9:3: model.topK: expected an integer from 1 to 8, got 9',
    ]);
  });
});

test('more ranks than experts are refused at the number of experts', () => {
  const text =
    'world: { ranks: 3 }\nmodel: { tokens: 1, hidden: 64, intermediate: 64, experts: 2, topK: 1 }';
  expect(problemsOf(() => parseScenario(text, 'c.yaml'))).toEqual([
    expect.stringMatching(
      /^c\.yaml:2:\d+: model\.experts: expected at least one expert for each rank /,
    ),
  ]);
});
