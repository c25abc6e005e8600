/**
 * Draws a token's k distinct experts. A choice is drawn in proportion to integer weights among the experts not chosen
 * yet, so the order of the draws is an order of descending probability. All arithmetic is exact.
 */
import { pow } from '../engine/exact-math.ts';
import { type Rng, splitRng } from '../engine/rng.ts';
import { placementOf } from './placement.ts';
import type { RoutingSpec, Scenario } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';

/** Writes the k choices of one token of `rank` to out[at .. at + k). */
export type ChoiceSource = (rng: Rng, rank: number, out: Int32Array, at: number) => void;

type DrawnSpec = Exclude<RoutingSpec, { kind: 'file' }>;

/** Draws for a spec. Throws ScenarioError when some rank has fewer experts to choose from than k. */
export function choiceSource(s: Scenario, spec: DrawnSpec): ChoiceSource {
  const uniform = new WeightTable(Array.from({ length: s.model.experts }, () => 1));
  const k = s.model.topK;
  switch (spec.kind) {
    case 'uniform':
      return everyRank(s, uniform);
    case 'zipf':
      return everyRank(s, new WeightTable(zipfWeights(s.model.experts, spec.exponent, spec.seed)));
    case 'silent': {
      const silenced = new WeightTable(silentWeights(s, spec.to));
      if (hasTokens(s, spec.from)) assertEnough(s, silenced, `rank ${spec.from}`);
      return (rng, rank, out, at) =>
        drawDistinct(rank === spec.from ? silenced : uniform, rng, out, at, 0, k);
    }
    case 'hot':
      return hotSource(s, spec, uniform);
  }
}

/** Integer weights near 2^32 / (e + 1)^exponent, at least 1, permuted by the seed. */
export function zipfWeights(experts: number, exponent: number, seed: number): number[] {
  const order = splitRng(seed, 'zipf').shuffle(Array.from({ length: experts }, (_, e) => e));
  const weights = Array.from({ length: experts }, () => 0);
  order.forEach((expert, e) => {
    weights[expert] = Math.max(1, Math.floor(4294967296 / pow(e + 1, exponent)));
  });
  return weights;
}

function silentWeights(s: Scenario, to: number): number[] {
  const placement = placementOf(s);
  const first = placement.base[to] ?? 0;
  const end = placement.base[to + 1] ?? 0;
  return Array.from({ length: s.model.experts }, (_, e) => (e >= first && e < end ? 0 : 1));
}

function everyRank(s: Scenario, table: WeightTable): ChoiceSource {
  assertEnough(s, table, 'every rank');
  return (rng, _rank, out, at) => drawDistinct(table, rng, out, at, 0, s.model.topK);
}

function hotSource(
  s: Scenario,
  spec: Extract<RoutingSpec, { kind: 'hot' }>,
  uniform: WeightTable,
): ChoiceSource {
  const isHot = new Set(spec.experts);
  const weights = Array.from({ length: s.model.experts }, (_, e) => (isHot.has(e) ? 1 : 0));
  const hot = new WeightTable(weights);
  const cold = new WeightTable(weights.map((w) => 1 - w));
  if (spec.share > 0 && hot.choices === 0) {
    throw new ScenarioError([`${s.name}: routing.experts: expected at least one hot expert`]);
  }
  if (spec.share < 1 && cold.choices === 0) {
    throw new ScenarioError([
      `${s.name}: routing.share: expected 1 when every expert is hot, got ${spec.share}`,
    ]);
  }
  return (rng, _rank, out, at) => {
    drawDistinct(rng.uniform() < spec.share ? hot : cold, rng, out, at, 0, 1);
    drawDistinct(uniform, rng, out, at, 1, s.model.topK);
  };
}

/** Draws choices [done, k) of the token at `at`, distinct from its first `done`. Sequential, without replacement. */
function drawDistinct(
  table: WeightTable,
  rng: Rng,
  out: Int32Array,
  at: number,
  done: number,
  k: number,
): void {
  const taken: number[] = [];
  for (let j = 0; j < done; j++) insert(taken, out[at + j] ?? -1);
  for (let j = done; j < k; j++) {
    const expert = table.draw(rng, taken);
    out[at + j] = expert;
    insert(taken, expert);
  }
}

function insert(sorted: number[], value: number): void {
  let i = sorted.length;
  while (i > 0 && (sorted[i - 1] ?? 0) > value) i--;
  sorted.splice(i, 0, value);
}

/** Prefix sums of integer weights; total under 2^53. */
class WeightTable {
  /** Experts with a weight over zero. */
  readonly choices: number;
  readonly #prefix: Float64Array;

  constructor(weights: readonly number[]) {
    this.#prefix = new Float64Array(weights.length + 1);
    let total = 0;
    weights.forEach((w, e) => {
      total += w;
      this.#prefix[e + 1] = total;
    });
    if (!Number.isSafeInteger(total)) {
      throw new RangeError(`routing weights sum to ${total}, not an integer under 2^53`);
    }
    this.choices = weights.filter((w) => w > 0).length;
  }

  /** One expert in proportion to its weight, `taken` (ascending) left out. */
  draw(rng: Rng, taken: readonly number[]): number {
    const prefix = this.#prefix;
    const begin = (e: number): number => prefix[e] ?? 0;
    let total = begin(prefix.length - 1);
    for (const e of taken) total -= begin(e + 1) - begin(e);
    // A draw over the weights that are left, moved past the interval of every taken expert before it.
    let point = rng.uniformInt(total);
    for (const e of taken) if (point >= begin(e)) point += begin(e + 1) - begin(e);
    let lo = 0;
    let hi = prefix.length - 1;
    while (hi - lo > 1) {
      const mid = (lo + hi) >>> 1;
      if (begin(mid) <= point) lo = mid;
      else hi = mid;
    }
    return lo;
  }
}

function hasTokens(s: Scenario, rank: number): boolean {
  return (s.model.tokens[rank] ?? 0) > 0;
}

function assertEnough(s: Scenario, table: WeightTable, who: string): void {
  if (table.choices >= s.model.topK) return;
  throw new ScenarioError([
    `${s.name}: routing: expected at least model.topK = ${s.model.topK} experts to choose from ` +
      `for ${who}, got ${table.choices}`,
  ]);
}
