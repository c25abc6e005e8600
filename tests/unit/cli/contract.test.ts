import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inFolder, run } from './run-in-process.ts';

const leaves = [
  'twin',
  'simulate',
  'check',
  'compare',
  'report',
  'export',
  'verify',
  'gpu info',
  'gpu run',
  'gpu bench',
  'schema',
];

describe('every command', () => {
  it.each(leaves)('%s has help with an example of itself and --json', async (name) => {
    const { code, out, err } = await run([...name.split(' '), '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`Example:\n  kerneltwin ${name}`));
    expect(out).toContain('--json');
  });

  it('is listed by the help of the program', async () => {
    const { out } = await run(['--help']);
    for (const name of new Set(leaves.map((leaf) => leaf.split(' ')[0]))) {
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
  });
});

describe('unusable input ends with code 2 and says what, where, expected and got', () => {
  it.each([
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['an unknown option', ['schema', '--frob'], /unknown option '--frob'/],
    ['a missing argument', ['check'], /missing required argument 'trace'/],
    ['a missing trace', ['check', 'no/such'], /no\/such: .*expected a readable file.*ENOENT/],
    [
      'a file that is no trace',
      ['check', 'package.json'],
      /package\.json: .*expected a Parquet file/,
    ],
    ['a missing scenario', ['simulate', 'no.yaml'], /no\.yaml: expected a readable scenario file/],
    [
      'a bad override',
      ['simulate', 'scenarios/small.yaml', '--set', 'model.hidden=100'],
      /model\.hidden: expected an integer of at least 64, a multiple of 64, got 100/,
    ],
    [
      'an override without a value',
      ['simulate', 'scenarios/small.yaml', '--set', 'model.hidden'],
      /--set: expected key=value, got 'model\.hidden'/,
    ],
    [
      'an unknown policy',
      ['simulate', 'scenarios/small.yaml', '--policy', 'nope'],
      /policy: expected one of fifo.*got nope/,
    ],
    [
      'a folder that is no run',
      ['report', 'docs'],
      /docs\/run\.json: expected the record of a run/,
    ],
    ['an unknown suite', ['verify', '--suite', 'nope'], /--suite: expected one of .*got 'nope'/],
    ['runs that are no number', ['verify', '--runs', 'many'], /--runs: expected an integer/],
    ['a replay that is no path', ['verify', '--replay', '12'], /--replay: expected seed:path/],
    [
      'a live run and a trace',
      ['twin', 'scenarios/small.yaml', '--live', '--trace', 'x'],
      /--live and --trace: expected one of them/,
    ],
  ])('%s', async (_, args, message) => {
    const { code, out, err } = await run(args);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  it('names file, line and column of a mistake in a scenario', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'bad.yaml');
      writeFileSync(file, 'world:\n  ranks: none\nmodel: {}\n');
      const { code, err } = await run(['simulate', file]);
      expect(code).toBe(2);
      expect(err).toMatch(/bad\.yaml:2:3: world\.ranks: expected an integer.*got "none"/);
    });
  });

  it('shows a stack only when asked to', async () => {
    const { code, err } = await run(['check', 'no/such'], { env: { KERNELTWIN_DEBUG: '1' } });
    expect(code).toBe(2);
    expect(err).toMatch(/\n\s+at /);
  });
});

describe('schema', () => {
  it('prints the JSON Schema of scenarios', async () => {
    const { code, out } = await run(['schema']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ title: 'kerneltwin scenario', type: 'object' });
  });
});

describe('gpu on a machine without a kernel library', () => {
  it.each([
    [['gpu', 'info', '--library', '/no/such/library.so']],
    [['gpu', 'run', 'scenarios/small.yaml', '--library', '/no/such/library.so']],
  ])('%j says what is missing', async (args) => {
    const { code, err } = await run(args);
    expect(err).toMatch(/^NO_(KERNEL|ADDON|GPU): /);
    expect(code).toBe(2);
  });
});
