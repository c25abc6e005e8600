import { describe, expect, test } from 'vitest';
import { type Rng, splitRng } from '../../../sim/engine/rng.ts';

const draws = (rng: Rng, n: number, range = 2 ** 32): number[] =>
  Array.from({ length: n }, () => rng.uniformInt(range));

/** Pearson's statistic of observed counts against expected ones. */
function chiSquared(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, o, i) => sum + (o - expected[i]!) ** 2 / expected[i]!, 0);
}

describe('splitRng', () => {
  test('the same seed and path give the same draws, on every Node version', () => {
    expect(draws(splitRng(1, 'routing', 0, 0), 4)).toEqual(draws(splitRng(1, 'routing', 0, 0), 4));
    // Recorded once: a change of these is a change of every simulated trace.
    expect(draws(splitRng(1), 3)).toEqual([1168809264, 698731484, 840111126]);
    expect(draws(splitRng(42, 'processor', 7), 3)).toEqual([375294712, 4144126811, 422848183]);
  });

  test('near seeds and near paths give unrelated first draws', () => {
    const paths: (number | string)[][] = [
      [],
      [0],
      [1],
      ['0'],
      ['1'],
      [0, 1],
      [1, 0],
      ['a', 'b'],
      ['ab'],
      ['a', 'b', ''],
      [-1],
      [2 ** 32],
      [2 ** 32 + 1],
      [-(2 ** 32)],
      [Number.MAX_SAFE_INTEGER],
      [Number.MIN_SAFE_INTEGER],
    ];
    const firsts = [0, 1, 2].flatMap((seed) =>
      paths.map((path) => draws(splitRng(seed, ...path), 2)),
    );
    expect(new Set(firsts.map(String)).size).toBe(firsts.length);
    expect(new Set(firsts.map((f) => f[0])).size).toBe(firsts.length);
  });

  test('first draws over consecutive seeds and labels are uniform', () => {
    for (const first of [
      (i: number) => splitRng(i).uniformInt(16),
      (i: number) => splitRng(9, 'rank', i).uniformInt(16),
      (i: number) => splitRng(9, i, 3).uniformInt(16),
      (i: number) => splitRng(9, `processor ${i}`).uniformInt(16),
    ]) {
      const counts = Array.from({ length: 16 }, () => 0);
      for (let i = 0; i < 16000; i++) counts[first(i)]! += 1;
      // 15 degrees of freedom: over 44.3 has a probability under 1e-4.
      expect(
        chiSquared(
          counts,
          counts.map(() => 1000),
        ),
      ).toBeLessThan(44.3);
    }
  });

  test('draws of two streams agree no more often than chance', () => {
    const a = splitRng(5, 'a');
    const b = splitRng(5, 'b');
    let equal = 0;
    for (let i = 0; i < 64000; i++) equal += a.uniformInt(64) === b.uniformInt(64) ? 1 : 0;
    // 1000 expected, standard deviation 31.4.
    expect(Math.abs(equal - 1000)).toBeLessThan(130);
  });

  test('refuses what does not name a stream', () => {
    expect(() => splitRng(0.5)).toThrow('splitRng: expected safe integers and strings, got 0.5');
    expect(() => splitRng(1, Number.NaN)).toThrow('got NaN');
    expect(() => splitRng(2 ** 53)).toThrow('got 9007199254740992');
  });
});

describe('uniformInt', () => {
  test.each([2, 3, 7, 10, 100])('is unbiased over [0, %i)', (n) => {
    const rng = splitRng(11, 'n', n);
    const counts = Array.from({ length: n }, () => 0);
    for (let i = 0; i < n * 2000; i++) counts[rng.uniformInt(n)]! += 1;
    // Mean n - 1, variance 2(n - 1); six standard deviations.
    const limit = n - 1 + 6 * Math.sqrt(2 * n);
    expect(
      chiSquared(
        counts,
        counts.map(() => 2000),
      ),
    ).toBeLessThan(limit);
  });

  test('favours no third of a range that does not divide 2^32 or 2^53', () => {
    // A plain remainder would draw the low third twice as often as the others.
    for (const n of [3 * 2 ** 30, 3 * 2 ** 51]) {
      const rng = splitRng(12, n);
      const counts = [0, 0, 0];
      for (let i = 0; i < 9000; i++) counts[Math.floor(rng.uniformInt(n) / (n / 3))]! += 1;
      expect(chiSquared(counts, [3000, 3000, 3000])).toBeLessThan(20);
    }
  });

  test('stays in range up to 2^53', () => {
    const rng = splitRng(13);
    for (const n of [1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1, 2 ** 53]) {
      for (let i = 0; i < 100; i++) {
        const value = rng.uniformInt(n);
        expect(Number.isSafeInteger(value) && value >= 0 && value < n).toBe(true);
      }
    }
  });

  test.each([0, -1, 1.5, 2 ** 53 + 2, Number.NaN])('refuses a range of %d', (n) => {
    expect(() => splitRng(1).uniformInt(n)).toThrow(
      'uniformInt: expected an integer from 1 to 2^53',
    );
  });
});

describe('uniform', () => {
  test('is a multiple of 2^-53 in [0, 1) with the mean and variance of a uniform', () => {
    const rng = splitRng(14);
    const values = Array.from({ length: 20000 }, () => rng.uniform());
    expect(values.every((u) => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 53))).toBe(true);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(1 / 2, 2);
    expect(variance).toBeCloseTo(1 / 12, 2);
    // All 53 bits are in use: half of the draws have the last one set.
    const odd = values.filter((u) => (u * 2 ** 53) % 2 === 1).length;
    expect(Math.abs(odd - 10000)).toBeLessThan(500);
  });
});

describe('shuffle', () => {
  test('keeps the items and returns the same array', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = splitRng(15).shuffle(items);
    expect(shuffled).toBe(items);
    expect(shuffled).not.toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('draws every order of three equally often', () => {
    const rng = splitRng(16);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = rng.shuffle([0, 1, 2]).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    expect(
      chiSquared(
        [...counts.values()],
        Array.from({ length: 6 }, () => 1000),
      ),
    ).toBeLessThan(26);
  });
});
