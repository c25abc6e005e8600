import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leastSquares, medianOf, quantileOf } from '../../../sim/calibrate/least-squares.ts';

describe('least squares', () => {
  test('finds the numbers that made the values, whatever their sizes', () => {
    const number = fc.double({ min: 0.5, max: 2, noNaN: true });
    const points = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 3 });
    fc.assert(
      fc.property(number, number, points, (fixed, slope, xs) => {
        const rows = xs.map((x) => [1, x * 1e6]);
        const found = leastSquares(
          rows,
          xs.map((x) => fixed * 1000 + slope * x),
        );
        expect(found[0]! / (fixed * 1000)).toBeCloseTo(1, 6);
        expect(found[1]! / (slope * 1e-6)).toBeCloseTo(1, 6);
      }),
    );
  });

  test('splits the error between points that no line meets', () => {
    const [fixed, slope] = leastSquares(
      [
        [1, 0],
        [1, 1],
        [1, 2],
      ],
      [0, 3, 0],
    );
    expect([fixed, slope]).toEqual([expect.closeTo(1), expect.closeTo(0)]);
  });

  test('says when the rows cannot tell', () => {
    const same = [
      [1, 5],
      [1, 5],
    ];
    expect(() => leastSquares(same, [1, 2])).toThrow('2 rows do not determine 2 numbers');
  });
});

test('quantiles are samples', () => {
  expect(quantileOf([5, 1, 3, 2], 0.5)).toBe(2);
  expect(quantileOf([5, 1, 3, 2], 0.9)).toBe(5);
  expect(quantileOf([5, 1], 0)).toBe(1);
  expect(medianOf([])).toBeNaN();
});
