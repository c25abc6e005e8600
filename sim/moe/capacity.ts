/**
 * Rows that one source rank may send to one expert. Computed in integers: the factor is the decimal that was written,
 * not its nearest double, so that 1.1 x 20 tokens / 2 experts is 11 rows and not 12.
 */
import type { Model } from './scenario.ts';

/** Exact value of a finite decimal: `numerator / denominator`. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The shortest decimal that reads back as `value`, as a fraction. Throws RangeError unless finite and not negative. */
export function decimalRational(value: number): Rational {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (match === null) throw new RangeError(`expected a finite number not under zero, got ${value}`);
  const fraction = match[2] ?? '';
  const exponent = Number(match[3] ?? 0) - fraction.length;
  const digits = BigInt((match[1] ?? '') + fraction);
  const scale = BigInt(`1${'0'.repeat(Math.abs(exponent))}`);
  return exponent < 0
    ? { numerator: digits, denominator: scale }
    : { numerator: digits * scale, denominator: 1n };
}

/**
 * Rows per (source rank, expert) of a source rank with `tokens` tokens: ceil(S k / E x factor), at most S because a
 * token chooses an expert at most once; dropless: S.
 */
export function capacityOf(
  model: Pick<Model, 'capacityFactor' | 'experts' | 'topK'>,
  tokens: number,
): number {
  if (model.capacityFactor === null) return tokens;
  const factor = decimalRational(model.capacityFactor);
  const over = factor.denominator * BigInt(model.experts);
  const rows = (BigInt(tokens) * BigInt(model.topK) * factor.numerator + over - 1n) / over;
  return Math.min(tokens, Number(rows));
}
