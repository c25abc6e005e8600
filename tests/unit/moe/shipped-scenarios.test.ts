import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { shapeOf } from '../../../sim/moe/layout.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import { placementOf } from '../../../sim/moe/placement.ts';
import { plantedLogits } from '../../../sim/moe/planted-logits.ts';
import { routeTokens } from '../../../sim/moe/routing.ts';
import { taskCounts } from '../../../sim/moe/task-set.ts';

const names = readdirSync('scenarios')
  .filter((f) => f.endsWith('.yaml'))
  .map((f) => f.replace('.yaml', ''));

const dropped = (name: string): number => {
  const { kept } = routeTokens(loadScenario(`scenarios/${name}.yaml`));
  return kept.flat().reduce((n, rows) => n + rows.filter((row) => row === -1).length, 0);
};

describe.each(names)('%s', (name) => {
  const file = `scenarios/${name}.yaml`;

  test('loads, routes, and its routing can be planted into the real gate', () => {
    const s = loadScenario(file);
    expect(s.name).toBe(name);
    expect(s.description).not.toBe('');
    const { choices, rows } = routeTokens(s);
    const shape = shapeOf(s);
    const tasks = s.model.tokens.map(
      (_, r) => taskCounts(shape, placementOf(s), rows[0]!, r).total,
    );
    expect(tasks.reduce((a, b) => a + b)).toBeGreaterThan(0);
    expect(() => plantedLogits(s, 0, 0, choices[0]![0]!)).not.toThrow();
  });

  test('names its schema for editors', () => {
    expect(readFileSync(file, 'utf8').split('\n')[0]).toBe(
      '# yaml-language-server: $schema=./scenario.schema.json',
    );
  });
});

describe('the shipped scenarios', () => {
  const load = (name: string) => loadScenario(`scenarios/${name}.yaml`);

  test('hold the full-size layer on one H200 and the paper on eight H100', () => {
    const one = load('one-h200');
    expect([one.world.ranks, one.world.gpus, one.world.machine]).toEqual([1, 1, 'h200']);
    const size = { hidden: 2048, intermediate: 2048, experts: 64, topK: 2 };
    expect(one.model).toMatchObject({ ...size, tokens: [8192], capacityFactor: null });
    const paper = load('paper-8xh100');
    expect([paper.world.ranks, paper.world.gpus, paper.world.machine]).toEqual([8, 8, 'h100']);
    const tokens = Array.from({ length: 8 }, () => 8192);
    expect(paper.model).toMatchObject({ ...size, tokens, capacityFactor: 1 });
  });

  test.each([2, 4, 8])('hold %i ranks sharing one H200', (ranks) => {
    const s = load(`shared-h200-${ranks}`);
    expect([s.world.ranks, s.world.gpus]).toEqual([ranks, 1]);
  });

  test('hold a decode step, skew, drops, idle peers and unequal experts', () => {
    expect(load('decode-128').model.tokens).toEqual([128]);
    const skewed = routeTokens(load('skewed')).rows[0]![0]!;
    expect(Math.max(...skewed)).toBeGreaterThan(5 * (skewed.reduce((a, b) => a + b) / 32));
    expect(dropped('drops')).toBeGreaterThan(1000);
    expect(dropped('shared-h200-2')).toBe(0);
    expect(load('silent-peer').model.tokens).toContain(0);
    const silent = routeTokens(load('silent-peer')).rows;
    expect(silent.every((launch) => launch[0]!.slice(4, 8).every((n) => n === 0))).toBe(true);
    expect(new Set(load('unequal-experts').world.expertsPerRank).size).toBe(4);
  });
});
