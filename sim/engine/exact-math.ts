/**
 * exp, log and pow from + - * / alone. IEEE 754 fixes the bits of those four, so results are the same on every Node
 * version and machine; Math.exp, Math.log, Math.pow and `**` are not. Errors stay under 1 ulp (pow: 2 ulp).
 */

/** ln 2 in two parts: the high one has 21 trailing zero bits, so its product with an exponent is exact. */
const ln2High = 6.9314718036912381649e-1;
const ln2Low = 1.90821492927058770002e-10;
const two54 = 18014398509481984;
const two70 = 1180591620717411303424;

/** e^x; 0 on underflow, Infinity on overflow, NaN for NaN. */
export function exp(x: number): number {
  return expSum(x, 0);
}

/** Natural logarithm; -Infinity for 0, NaN under 0 or for NaN. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  const { mantissa, exponent } = split(x);
  const f = mantissa - 1;
  const s = f / (2 + f);
  const tail = atanhTail(s * s);
  // log(1 + f) = 2s + s.tail with 2s = f - s.f, so that the leading term f carries no rounding error.
  return exponent * ln2High + (f - (s * (f - tail) - exponent * ln2Low));
}

/** x^y for x > 0, finite x and y. Throws RangeError otherwise. */
export function pow(x: number, y: number): number {
  if (!(x > 0) || !Number.isFinite(x) || !Number.isFinite(y)) {
    throw new RangeError(
      `pow: expected a finite positive base and a finite exponent, got ${x}, ${y}`,
    );
  }
  if (x === 1) return 1;
  // Past 2^70 the result is 0 or Infinity for every other base; products with a larger exponent would overflow.
  if (Math.abs(y) > two70) return pow(x, y < 0 ? -two70 : two70);
  const [high, low] = logPair(x);
  // An error of 1 ulp in y.log(x) becomes hundreds in the result: the product keeps its own rounding error.
  const [product, rest] = multiply(y, high);
  return expSum(product, rest + y * low);
}

/** e^(x + rest) for a rest far smaller than x. */
function expSum(x: number, rest: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.79) return Number.POSITIVE_INFINITY;
  if (x < -745.14) return 0;
  const k = Math.round(x * Math.LOG2E);
  const high = x - k * ln2High;
  const low = k * ln2Low - rest;
  const r = high - low;
  // e^r = 1 + r + r^2/2 + ... ; |r| <= 0.347, so 14 terms leave under 2^-58. The part of r lost by rounding is added back.
  let tail = 0;
  for (let n = 14; n >= 2; n--) tail = (tail * r + 1) / n;
  const lost = high - r - low;
  const value = 1 + (r + (tail * r * r + lost * (1 + r)));
  return scale(value, k);
}

/** (2/3)q + (2/5)q^2 + ... : atanh(s)/s without its leading term, doubled, for q = s^2 <= 0.0295. */
function atanhTail(q: number): number {
  let sum = 0;
  for (let n = 23; n >= 3; n -= 2) sum = (sum + 2 / n) * q;
  return sum;
}

/** log(x) as an unevaluated sum of two doubles, relative error near 2^-63. */
function logPair(x: number): [number, number] {
  const { mantissa, exponent } = split(x);
  const f = mantissa - 1;
  const [s, sRest] = divide(f, 2 + f, sumError(2, f));
  // 2s + s.((2/3)q + rest): the first two terms in pairs, the rest, under 2^-12 of them, in plain doubles.
  const [q, qRest] = multiply(s, s);
  const [third, thirdRest] = divide(2 * q, 3, 0);
  const cubicRest = thirdRest + (2 * (qRest + 2 * s * sRest)) / 3;
  const [cubic, cubicError] = multiply(s, third);
  const small = s * (atanhTail(q) - (2 / 3) * q);
  const smallTerms = cubicError + s * cubicRest + sRest * third + small + 2 * sRest;
  const [a, aRest] = add(2 * s, cubic);
  const [b, bRest] = add(exponent * ln2High, a);
  const [c, cRest] = add(b, exponent * ln2Low);
  return add(c, cRest + bRest + aRest + smallTerms);
}

/** x = mantissa x 2^exponent with the mantissa in [sqrt(1/2), sqrt(2)). */
function split(x: number): { mantissa: number; exponent: number } {
  const normal = x < 2.2250738585072014e-308 ? x * two54 : x;
  bits.setFloat64(0, normal);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - 1022 - (normal === x ? 0 : 54);
  bits.setUint32(0, (high & 0xfffff) | 0x3fe00000);
  let mantissa = bits.getFloat64(0);
  if (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent -= 1;
  }
  return { mantissa, exponent };
}

const bits = new DataView(new ArrayBuffer(8));

/** value x 2^k in two exact steps, so that only a subnormal result is rounded, once. */
function scale(value: number, k: number): number {
  const half = Math.trunc(k / 2);
  return value * powerOfTwo(half) * powerOfTwo(k - half);
}

function powerOfTwo(k: number): number {
  bits.setUint32(0, (k + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** a + b and its rounding error. */
function add(a: number, b: number): [number, number] {
  const sum = a + b;
  const part = sum - a;
  return [sum, a - (sum - part) + (b - part)];
}

function sumError(a: number, b: number): number {
  return add(a, b)[1];
}

/** a x b and its rounding error, exact while nothing overflows: each factor is halved into 26-bit parts. */
function multiply(a: number, b: number): [number, number] {
  const product = a * b;
  const [aHigh, aLow] = halves(a);
  const [bHigh, bLow] = halves(b);
  const error = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  return [product, error];
}

function halves(a: number): [number, number] {
  const spread = a * 134217729;
  const high = spread - (spread - a);
  return [high, a - high];
}

/** a / (b + bRest) as a pair. */
function divide(a: number, b: number, bRest: number): [number, number] {
  const quotient = a / b;
  const [product, error] = multiply(quotient, b);
  return [quotient, (a - product - error - quotient * bRest) / b];
}
