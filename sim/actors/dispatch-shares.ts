import type { RankState } from './rank.ts';
import type { World } from './world.ts';

/** First token of processor `p`'s contiguous share of `tokens`. */
export function shareBegin(tokens: number, processors: number, p: number): number {
  return Math.floor((tokens * p) / processors);
}

/**
 * The kept rows of a rank by processor and expert. A processor's share is contiguous in tokens and rows are numbered in
 * token order, so its rows for one expert are consecutive: one run each. Runs of a processor ascend by expert.
 */
export class DispatchShares {
  /** Runs of processor p are [base[p], base[p + 1]). */
  readonly base: Int32Array;
  readonly expert: Int32Array;
  /** First row of the run in its cell, and its rows. */
  readonly first: Int32Array;
  readonly count: Int32Array;

  constructor(world: World, state: RankState) {
    const { processors, shape, routing } = world;
    const choices = routing.choices[state.epoch]![state.rank]!;
    const kept = routing.kept[state.epoch]![state.rank]!;
    this.base = new Int32Array(processors + 1);
    this.expert = new Int32Array(kept.length);
    this.first = new Int32Array(kept.length);
    this.count = new Int32Array(kept.length);
    const rows = new Int32Array(shape.experts);
    const firstRow = new Int32Array(shape.experts);
    let runs = 0;
    for (let p = 0; p < processors; p++) {
      const begin = shareBegin(state.tokens, processors, p) * shape.topK;
      const end = shareBegin(state.tokens, processors, p + 1) * shape.topK;
      const touched: number[] = [];
      for (let entry = begin; entry < end; entry++) {
        const row = kept[entry]!;
        if (row < 0) continue;
        const expert = choices[entry]!;
        if (rows[expert] === 0) {
          touched.push(expert);
          firstRow[expert] = row;
        }
        rows[expert]!++;
      }
      for (const expert of touched.sort((x, y) => x - y)) {
        this.expert[runs] = expert;
        this.first[runs] = firstRow[expert]!;
        this.count[runs] = rows[expert]!;
        rows[expert] = 0;
        runs++;
      }
      this.base[p + 1] = runs;
    }
  }
}
