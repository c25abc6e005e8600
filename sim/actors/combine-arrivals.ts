import { gemm1Cols, rowSpan } from '../moe/shape.ts';
import type { RankState } from './rank.ts';
import { fail, type World } from './world.ts';

/**
 * Arrival counters of one rank's (token, column tile) pairs. A COMBINE tile arrives at the pair of each of its rows; the
 * arrival that completes a pair makes its tile sum that token's kept rows.
 */
export class CombineArrivals {
  /** Tokens the last arrival completed, and the rows they sum. */
  tokens = 0;
  rowsRead = 0;

  readonly #world: World;
  readonly #state: RankState;
  readonly #cols: number;
  readonly #arrived: Uint8Array;
  readonly #kept: Uint8Array;
  readonly #firstRow: Int32Array;
  /** Token of every kept row: rows of expert 0, then of expert 1, ... */
  #tokenOfRow: Int32Array = new Int32Array(0);
  #open = 0;

  constructor(world: World, state: RankState) {
    this.#world = world;
    this.#state = state;
    this.#cols = gemm1Cols(world.shape);
    this.#arrived = new Uint8Array(state.tokens * this.#cols);
    this.#kept = new Uint8Array(state.tokens);
    this.#firstRow = new Int32Array(world.shape.experts + 1);
  }

  /** Takes over the routing of the launch that begins. */
  begin(): void {
    const state = this.#state;
    const { experts, topK } = this.#world.shape;
    const choices = this.#world.routing.choices[state.epoch]![state.rank]!;
    const kept = this.#world.routing.kept[state.epoch]![state.rank]!;
    for (let e = 0; e < experts; e++) {
      this.#firstRow[e + 1] = this.#firstRow[e]! + state.ownRows[e]!;
    }
    const rows = this.#firstRow[experts]!;
    if (this.#tokenOfRow.length < rows) this.#tokenOfRow = new Int32Array(rows);
    this.#kept.fill(0);
    let tokens = 0;
    for (let entry = 0; entry < kept.length; entry++) {
      if (kept[entry]! < 0) continue;
      const token = Math.floor(entry / topK);
      this.#tokenOfRow[this.#firstRow[choices[entry]!]! + kept[entry]!] = token;
      if (this.#kept[token] === 0) tokens++;
      this.#kept[token]!++;
    }
    this.#open = tokens * this.#cols;
  }

  /** Arrives with every row of a COMBINE tile; leaves what it completed in `tokens` and `rowsRead`. */
  arrive(expert: number, block: number, col: number): void {
    const { begin, count } = rowSpan(this.#world.shape, this.#state.ownRows[expert]!, block);
    const first = this.#firstRow[expert]! + begin;
    this.tokens = 0;
    this.rowsRead = 0;
    for (let row = first; row < first + count; row++) {
      const token = this.#tokenOfRow[row]!;
      const pair = token * this.#cols + col;
      const arrived = this.#arrived[pair]! + 1;
      const kept = this.#kept[token]!;
      if (arrived < kept) {
        this.#arrived[pair] = arrived;
        continue;
      }
      // The last arriver sets the counter back: nobody touches it again in this launch.
      this.#arrived[pair] = 0;
      this.tokens++;
      this.rowsRead += kept;
    }
    this.#open -= this.tokens;
  }

  /** Every output with a kept choice was written once. */
  assertComplete(): void {
    if (this.#open === 0) return;
    fail(
      this.#world,
      this.#state,
      `${this.#open} (token, column tile) outputs were never completed`,
    );
  }
}
