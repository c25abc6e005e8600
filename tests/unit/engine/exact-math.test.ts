import { describe, expect, test } from 'vitest';
import { exp, log, pow } from '../../../sim/engine/exact-math.ts';
import { splitRng } from '../../../sim/engine/rng.ts';

const view = new DataView(new ArrayBuffer(8));

/** Position of a positive double among all doubles: neighbours differ by one. */
function ordinal(x: number): bigint {
  view.setFloat64(0, x);
  return view.getBigInt64(0);
}

function ulps(a: number, b: number): number {
  return Math.abs(Number(ordinal(a) - ordinal(b)));
}

/** Correctly rounded n^k for integers, from exact integer arithmetic. */
function exactPower(n: number, k: number): number {
  return Number(BigInt(n) ** BigInt(k));
}

const samples = (n: number, lo: number, hi: number): number[] => {
  const rng = splitRng(77, String(lo), String(hi));
  return Array.from({ length: n }, () => lo + (hi - lo) * rng.uniform());
};

// Math's own error is under 1 ulp, so 2 ulp between the two leaves each about one.
describe('exp', () => {
  test.each([
    [-1, 1],
    [-40, 40],
    [-745, 709],
    [-745, -708],
  ])('is within 2 ulp of Math.exp over [%i, %i]', (lo, hi) => {
    const worst = Math.max(...samples(5000, lo, hi).map((x) => ulps(exp(x), Math.exp(x))));
    expect(worst).toBeLessThanOrEqual(2);
  });

  test('is exact at its ends', () => {
    expect(exp(0)).toBe(1);
    expect(exp(1)).toBe(Math.E);
    expect(exp(-0)).toBe(1);
    expect(exp(1e-20)).toBe(1);
    expect(exp(710)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(-746)).toBe(0);
    expect(exp(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(exp(-745.1)).toBe(Number.MIN_VALUE);
    expect(exp(Number.NaN)).toBeNaN();
  });
});

describe('log', () => {
  test.each([
    [0.5, 2],
    [0.99, 1.01],
    [1, 1e6],
    [1e300, 1e308],
  ])('is within 2 ulp of Math.log over [%d, %d]', (lo, hi) => {
    const worst = Math.max(
      ...samples(5000, lo, hi).map((x) => ulps(Math.abs(log(x)), Math.abs(Math.log(x)))),
    );
    expect(worst).toBeLessThanOrEqual(2);
    expect(samples(100, lo, hi).every((x) => Math.sign(log(x)) === Math.sign(Math.log(x)))).toBe(
      true,
    );
  });

  test('covers all doubles', () => {
    expect(log(1)).toBe(0);
    expect(log(10)).toBe(Math.LN10);
    expect(log(2)).toBe(Math.LN2);
    expect(ulps(-log(Number.MIN_VALUE), -Math.log(Number.MIN_VALUE))).toBeLessThanOrEqual(1);
    expect(log(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(log(-1)).toBeNaN();
    expect(log(Number.NaN)).toBeNaN();
    expect(log(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('pow', () => {
  test('is within 2 ulp of exact integer powers over the whole range of doubles', () => {
    for (let n = 2; n <= 200; n++) {
      for (let k = 1; exactPower(n, k) < Number.MAX_VALUE; k += 1 + Math.floor(k / 4)) {
        expect(ulps(pow(n, k), exactPower(n, k)), `${n}^${k}`).toBeLessThanOrEqual(2);
      }
    }
  });

  test('agrees with square roots and reciprocals', () => {
    for (const x of samples(3000, 1e-3, 1e6)) {
      expect(ulps(pow(x, 0.5), Math.sqrt(x))).toBeLessThanOrEqual(2);
      expect(ulps(pow(x, -1), 1 / x)).toBeLessThanOrEqual(2);
      expect(ulps(pow(x, 1), x)).toBeLessThanOrEqual(2);
    }
  });

  test('is exact where the exponent is zero or the base is one', () => {
    expect(pow(1, 1e308)).toBe(1);
    expect(pow(7, 0)).toBe(1);
    expect(pow(2, 1023)).toBe(2 ** 1023);
    expect(pow(2, -1074)).toBe(Number.MIN_VALUE);
    expect(pow(2, 1024)).toBe(Number.POSITIVE_INFINITY);
    expect(pow(1 + 2 ** -52, 1e300)).toBe(Number.POSITIVE_INFINITY);
    expect(pow(1 + 2 ** -52, -1e300)).toBe(0);
  });

  test.each([
    [0, 1],
    [-1, 2],
    [Number.POSITIVE_INFINITY, 1],
    [2, Number.NaN],
  ])('refuses %d to the power %d', (x, y) => {
    expect(() => pow(x, y)).toThrow('pow: expected a finite positive base and a finite exponent');
  });
});

test('the bits do not change', () => {
  // Recorded once; the four operations used have one possible result in IEEE 754.
  const hex = (x: number): string => {
    view.setFloat64(0, x);
    return view.getBigUint64(0).toString(16);
  };
  expect([exp(0.1), exp(-33.3), exp(700.01)].map(hex)).toEqual([
    '3ff1aec7b35a00d4',
    '3cef165bb9b59d94',
    '7f0de0787778d244',
  ]);
  expect([log(0.1), log(3), log(123456.789)].map(hex)).toEqual([
    'c0026bb1bbb55515',
    '3ff193ea7aad030a',
    '40277281cad8a844',
  ]);
  expect([pow(3, 1.2), pow(64, -0.8), pow(0.3, 100.5)].map(hex)).toEqual([
    '400de5c5593e5600',
    '3fa2611186bae674',
    '3505a143c68031fb',
  ]);
});
