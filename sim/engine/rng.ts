/**
 * Splittable random numbers. A stream is named by a seed and a path of labels; streams of different paths are
 * independent, so a new actor with its own path never shifts the draws of another. The generator is xoroshiro128+;
 * its whole state is hashed from the path, because the generator's own seeding leaves near seeds correlated.
 */
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** One stream of random draws. All draws are exact and equal on every Node version. */
export interface Rng {
  /** Uniform integer in [0, n), unbiased; n from 1 to 2^53. Throws RangeError otherwise. */
  uniformInt(n: number): number;
  /** Uniform multiple of 2^-53 in [0, 1). */
  uniform(): number;
  /** Shuffles in place, every order equally likely, and returns the same array. */
  shuffle<T extends { [index: number]: unknown; readonly length: number }>(items: T): T;
}

const two21 = 2097152;
const two32 = 4294967296;
const two53 = 9007199254740992;

/** The stream of `seed` (any safe integer) at `path`. The same arguments always give the same draws. */
export function splitRng(seed: number, ...path: (number | string)[]): Rng {
  const generator = xoroshiro128plusFromState(hashPath([seed, ...path]));
  const next32 = (): number => generator.next() >>> 0;
  // The high 21 bits over 32 more: the generator's low bits are its weakest.
  const next53 = (): number => (next32() >>> 11) * two32 + next32();

  function uniformInt(n: number): number {
    if (!Number.isSafeInteger(n - 1) || n < 1) {
      throw new RangeError(`uniformInt: expected an integer from 1 to 2^53, got ${n}`);
    }
    const range = n <= two32 ? two32 : two53;
    const draw = n <= two32 ? next32 : next53;
    // Buckets of equal size; draws past the last whole bucket are thrown away, so no value is favoured.
    const bucket = (range - (range % n)) / n;
    const limit = bucket * n;
    let value = draw();
    while (value >= limit) value = draw();
    return (value - (value % bucket)) / bucket;
  }

  return {
    uniformInt,
    uniform: (): number => next53() / two53,
    shuffle<T extends { [index: number]: unknown; readonly length: number }>(items: T): T {
      for (let i = items.length - 1; i > 0; i--) {
        const j = uniformInt(i + 1);
        const held = items[i];
        items[i] = items[j];
        items[j] = held;
      }
      return items;
    },
  };
}

/** 128 bits of state from a path. Types and lengths are hashed too: ('a', 'b'), ('ab') and (1), ('1') all differ. */
function hashPath(path: readonly (number | string)[]): number[] {
  const lanes: Lanes = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
  for (const part of path) {
    if (typeof part === 'string') {
      absorb(lanes, 0x5354_0000);
      absorb(lanes, part.length);
      for (let i = 0; i < part.length; i++) absorb(lanes, part.charCodeAt(i));
      continue;
    }
    if (!Number.isSafeInteger(part)) {
      throw new RangeError(`splitRng: expected safe integers and strings, got ${part}`);
    }
    absorb(lanes, 0x4e55_0000);
    absorb(lanes, (part % two32) | 0);
    absorb(lanes, Math.trunc(part / two32) ^ (part < 0 ? two21 << 10 : 0));
  }
  for (let i = 0; i < 4; i++) absorb(lanes, path.length);
  // All zero is the one state the generator never leaves.
  if (lanes.every((lane) => lane === 0)) lanes[0] = 1;
  return lanes;
}

type Lanes = [number, number, number, number];

/** Mixes one word into all four lanes; each lane's new value passes into the next, so that words reach all 128 bits. */
function absorb(lanes: Lanes, word: number): void {
  lanes[0] = mix(lanes[0] ^ Math.imul(word, 0x9e3779b1) ^ lanes[3]);
  lanes[1] = mix(Math.imul(lanes[1], 5) + lanes[0] + word);
  lanes[2] = mix(Math.imul(lanes[2], 9) ^ (lanes[1] + 0x7f4a7c15));
  lanes[3] = mix(lanes[3] + Math.imul(lanes[2], 0x85ebca77));
}

/** A bijection of 32-bit words in which every input bit reaches every output bit. */
function mix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
