/**
 * Router logits that make the real gate reach given choices. They travel as the first E columns of x through a gate
 * weight that is the identity on those columns, so every value must survive bf16 exactly.
 */
import { splitRng } from '../engine/rng.ts';
import type { Scenario } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';

/** Logits are integers under 256 in absolute value over this: exact in the 8 significant bits of bf16. */
const unit = 16;
const maxUnits = 255;
/** Widest step between two chosen logits, in units: k = 8 choices span at most 56. */
const maxGap = 8;
const maxTop = 64;
/** Experts not chosen lie 1 to this many units under the last choice. */
const maxDrop = 64;

/**
 * Logits [tokens x E] of one rank whose softmax top-k is exactly `choices` (tokens x k, descending probability): the
 * k chosen descend strictly, all others lie strictly lower; gaps vary with the seed. Throws ScenarioError when E > H.
 */
export function plantedLogits(
  s: Scenario,
  launch: number,
  rank: number,
  choices: Int32Array,
): Float32Array {
  const { experts, hidden, topK } = s.model;
  if (experts > hidden) {
    throw new ScenarioError([
      `${s.name}: model.experts: expected at most model.hidden = ${hidden}, because the routing ` +
        `is planted in the first columns of x, got ${experts}`,
    ]);
  }
  if (choices.length % topK !== 0) {
    throw new RangeError(`choices: expected a multiple of k = ${topK}, got ${choices.length}`);
  }
  const rng = splitRng(s.seed, 'planted logits', launch, rank);
  const tokens = choices.length / topK;
  const logits = new Float32Array(tokens * experts);
  for (let token = 0; token < tokens; token++) {
    let top = rng.uniformInt(maxTop + 1);
    const last = token * topK + topK;
    const chosen: [number, number][] = [];
    for (let i = token * topK; i < last; i++) {
      const expert = choices[i] ?? -1;
      if (expert < 0 || expert >= experts) {
        throw new RangeError(`token ${token}: expected an expert under ${experts}, got ${expert}`);
      }
      chosen.push([expert, top]);
      top -= 1 + rng.uniformInt(maxGap);
    }
    for (let e = 0; e < experts; e++) {
      logits[token * experts + e] = toLogit(top - rng.uniformInt(maxDrop));
    }
    for (const [expert, units] of chosen) logits[token * experts + expert] = toLogit(units);
  }
  return logits;
}

function toLogit(units: number): number {
  if (Math.abs(units) > maxUnits) {
    throw new RangeError(`logit of ${units} units is not exact in bf16`);
  }
  return units / unit;
}
