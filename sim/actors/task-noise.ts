import { splitRng } from '../engine/rng.ts';
import type { Scenario } from '../moe/scenario.ts';

const two32 = 4294967296;

/**
 * Spread of durations. The draw of a task depends on the seed, the launch, the rank and the task alone: not on when it runs
 * or who runs it, so that two policies are compared on the same durations.
 */
export class TaskNoise {
  readonly #spread: number;
  readonly #seed: number;
  /** Key of each (launch, rank), drawn when first asked for. */
  readonly #keys: number[][] = [];

  constructor(scenario: Scenario) {
    this.#spread = scenario.noise.durationPpm / 1e6;
    this.#seed = scenario.seed;
  }

  /** Factor in [1 - spread, 1 + spread] for `label`, a task index or any other number under 2^32. */
  factor(launch: number, rank: number, label: number): number {
    if (this.#spread === 0) return 1;
    const key = this.#key(launch, rank);
    const word = mix(mix(key ^ Math.imul(label, 0x9e3779b1)) + label) >>> 0;
    return 1 + this.#spread * ((2 * word) / two32 - 1);
  }

  #key(launch: number, rank: number): number {
    const keys = (this.#keys[launch] ??= []);
    return (keys[rank] ??= splitRng(this.#seed, 'durations', launch, rank).uniformInt(two32) | 0);
  }
}

/** A bijection of 32-bit words in which every input bit reaches every output bit. */
function mix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
