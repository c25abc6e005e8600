import { describe, expect, test } from 'vitest';
import { capacityOf, decimalRational } from '../../../sim/moe/capacity.ts';
import { shapeOf } from '../../../sim/moe/layout.ts';
import { parseScenario } from '../../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';

describe('capacity of a source rank', () => {
  test.each([
    // tokens, k, E, factor, rows
    [8192, 2, 64, 1, 256],
    [8192, 2, 64, 1.25, 320],
    // In doubles these come out one too high, whichever way the factors are grouped.
    [100, 1, 10, 1.1, 11],
    [300, 2, 6, 1.1, 110],
    [200, 1, 2, 1.1, 110],
    [200, 1, 2, 0.55, 55],
    [10, 3, 10, 0.7, 3],
    [1, 1, 64, 0.001, 1],
    [0, 2, 64, 1.25, 0],
    [100, 1, 10, 1e-7, 1],
    [16, 2, 4, 9, 16], // never over S: a token chooses an expert at most once
    [16, 2, 4, 1e30, 16],
    [16, 2, 4, null, 16],
  ])(
    'S = %d, k = %d, E = %d, factor %d: %d rows',
    (tokens, topK, experts, capacityFactor, rows) => {
      expect(capacityOf({ topK, experts, capacityFactor }, tokens)).toBe(rows);
    },
  );

  test('a factor is the decimal that was written', () => {
    expect(decimalRational(1.1)).toEqual({ numerator: 11n, denominator: 10n });
    expect(decimalRational(2)).toEqual({ numerator: 2n, denominator: 1n });
    expect(decimalRational(1.5e-7)).toEqual({ numerator: 15n, denominator: 100000000n });
    expect(decimalRational(3e21)).toEqual({ numerator: 3n * 10n ** 21n, denominator: 1n });
    expect(() => decimalRational(-1)).toThrow('expected a finite number not under zero, got -1');
    expect(() => decimalRational(Number.NaN)).toThrow('got NaN');
  });
});

describe('shape', () => {
  const scenario = (model: string, tiles = 'rows: 16, cols: 64'): Scenario =>
    parseScenario(
      `world: { ranks: 2, expertsPerRank: [3, 1] }\nmodel: { hidden: 128, intermediate: 192, ${model} }\n` +
        `tiles: { ${tiles} }`,
      'case.yaml',
    );

  test('capacity is the largest of all ranks in whole row blocks, at least one', () => {
    const of = (model: string): number => shapeOf(scenario(model)).capacity;
    expect(of('tokens: [40, 24], experts: 4, topK: 2')).toBe(48);
    expect(of('tokens: [40, 24], experts: 4, topK: 2, capacity: 1')).toBe(32);
    expect(of('tokens: [0, 0], experts: 4, topK: 2')).toBe(16);
  });

  test('slots and tokens are the most that any rank has', () => {
    expect(shapeOf(scenario('tokens: [40, 24], experts: 4, topK: 2'))).toEqual({
      ranks: 2,
      experts: 4,
      slots: 3,
      tokens: 40,
      hidden: 128,
      intermediate: 192,
      topK: 2,
      capacity: 48,
      tileRows: 16,
      tileCols: 64,
    });
  });

  test('a world that overflows a field is refused, naming each field (L8)', () => {
    const over = (model: string, message: string): void =>
      expect(() => scenario(`experts: 4, topK: 2, ${model}`)).toThrow(message);
    over(
      'tokens: 1048576',
      'case.yaml: case: capacity (rows of a put record): expected less than 1048576, got 1048576 (L8)',
    );
    over(
      'tokens: 400000000',
      'task space (first task of a queue entry): expected less than 268435456, got ',
    );
    over(
      'tokens: 400000000',
      'capacity (rows of a signal): expected less than 268435456, got 400000000 (L8)',
    );
    over(
      'tokens: 400000000',
      'heap rows (row of a put record): expected less than 4294967296, got ',
    );
  });

  test('column tiles past 12 bits are refused', () => {
    const wide = (hidden: number) =>
      parseScenario(
        `{world: {ranks: 1}, model: {tokens: 8, hidden: ${hidden}, intermediate: 64, experts: 1, topK: 1}, tiles: {cols: 64}}`,
        'case.yaml',
      );
    expect(shapeOf(wide(64 * 4094)).hidden).toBe(64 * 4094);
    expect(() => wide(64 * 4095)).toThrow(
      'GEMM1 column tiles (column of a put record): expected less than 4096, got 4096',
    );
    expect(() => wide(64 * 4096)).toThrow(
      'GEMM1 column tiles (count of a queue entry): expected less than 4096, got 4096',
    );
  });
});
