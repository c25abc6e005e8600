/**
 * What a rank's launch reads: token rows whose first E columns are the planted router logits, and a router weight that
 * is the identity on those columns, so that the real gate reaches the scenario's routing.
 */
import { splitRng } from '../engine/rng.ts';
import { plantedLogits } from '../moe/planted-logits.ts';
import type { Scenario } from '../moe/scenario.ts';

/** bf16 is the upper half of an IEEE binary32. Throws when a value would not survive. */
export function toBf16(value: number): number {
  word[0] = value;
  const bits = wordBits[0] ?? 0;
  if ((bits & 0xffff) !== 0) throw new RangeError(`${value} is not exact in bf16`);
  return bits >>> 16;
}

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/** The 256 multiples of 1/128 in [-1, 1), by byte: exact in bf16, and four to a random draw. */
const levels: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) =>
  toBf16((byte - 128) / 128),
);

/** Token rows of one rank and launch, bf16 `[tokens][hidden]`; columns from E up are uniform in [-1, 1). */
export function tokenRows(
  s: Scenario,
  launch: number,
  rank: number,
  choices: Int32Array,
): Uint8Array {
  const { hidden, experts } = s.model;
  const tokens = s.model.tokens[rank] ?? 0;
  const logits = plantedLogits(s, launch, rank, choices);
  const rng = splitRng(s.seed, 'token rows', launch, rank);
  const rows = new Uint16Array(tokens * hidden);
  let at = 0;
  for (let token = 0; token < tokens; token++) {
    for (let e = 0; e < experts; e++) rows[at++] = toBf16(logits[token * experts + e] ?? 0);
    let draw = 0;
    for (let h = experts; h < hidden; h++) {
      if (((h - experts) & 3) === 0) draw = rng.uniformInt(4294967296);
      rows[at++] = levels[draw & 0xff] ?? 0;
      draw >>>= 8;
    }
  }
  return new Uint8Array(rows.buffer);
}

/** Router weight, bf16 `[experts][hidden]`: row e is one in column e. */
export function routerWeight(s: Scenario): Uint8Array {
  const { hidden, experts } = s.model;
  const weight = new Uint16Array(experts * hidden);
  const one = toBf16(1);
  for (let e = 0; e < experts; e++) weight[e * hidden + e] = one;
  return new Uint8Array(weight.buffer);
}
