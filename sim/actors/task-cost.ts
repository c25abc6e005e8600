import { combineTileNs, gemmTileWork, tileBytes } from '../machine/cost-model.ts';
import { Op, rowStep } from '../moe/generated/layout.ts';
import { dispatchFlag } from '../moe/heap.ts';
import { gemm0Cols, gemm1Cols, roundUp, rowSpan, tileWidth, w1Rows } from '../moe/shape.ts';
import { BitSet } from './bit-set.ts';
import type { CombineArrivals } from './combine-arrivals.ts';
import type { RankState } from './rank.ts';
import type { TaskDecoder } from './task-decoder.ts';
import type { TaskNoise } from './task-noise.ts';
import type { World } from './world.ts';

/**
 * What one task costs, by the machine's cost model: the fields hold the answer of the last {@link price}. The weights of a
 * column tile come from HBM for the first row block that uses them in a launch, from L2 for the others: an expert's row
 * blocks come together, and its weights fit L2.
 */
export class TaskCost {
  /** Nanoseconds of a whole SM. */
  work = 0;
  /** Nanoseconds that keep no shared resource busy. */
  fixedNs = 0;
  /** Bytes that come from HBM. */
  streamBytes = 0;
  /** Bytes of the tile a GEMM1 task delivers. */
  outputBytes = 0;

  readonly #world: World;
  readonly #noise: TaskNoise;
  /** Weight tiles read in this launch: [GEMM0, GEMM1][slot][column]. */
  readonly #read: readonly BitSet[];

  constructor(world: World, noise: TaskNoise) {
    this.#world = world;
    this.#noise = noise;
    const tiles = world.shape.slots * (gemm0Cols(world.shape) + gemm1Cols(world.shape));
    this.#read = world.ranks.map(({ arena }) => new BitSet(tiles, arena));
  }

  beginLaunch(rank: number): void {
    this.#read[rank]!.clear();
  }

  /** Prices a decoded task of `state`; for COMBINE, `arrivals` holds what it completes. */
  price(state: RankState, index: number, task: TaskDecoder, arrivals: CombineArrivals): void {
    const { machine, beside, shape } = this.#world;
    const factor = this.#noise.factor(state.epoch, state.rank, index);
    this.streamBytes = 0;
    this.outputBytes = 0;
    if (task.op === Op.Combine) {
      const width = tileWidth(shape, shape.hidden, task.col);
      this.work = 0;
      if (beside === undefined) {
        const ns = combineTileNs(machine, arrivals.tokens, arrivals.rowsRead, width);
        this.fixedNs = Math.ceil(factor * ns);
        return;
      }
      // Beside a tile it competes with other SMs for the memory, so its rows are a flow.
      this.fixedNs = Math.ceil(factor * machine.combineTaskNs);
      this.streamBytes = tileBytes(arrivals.rowsRead + arrivals.tokens, width);
      return;
    }
    const first = task.op === Op.Gemm0;
    const depth = first ? shape.hidden : shape.intermediate;
    const width = tileWidth(shape, first ? w1Rows(shape) : shape.hidden, task.col);
    const rows = state.flagRows[dispatchFlag(shape, task.peer, task.expert)]!;
    const { count } = rowSpan(shape, rows, task.block);
    this.work = factor * gemmTileWork(machine, roundUp(count, rowStep), width, depth);
    this.fixedNs = Math.ceil(factor * machine.gemmTaskNs);
    if (!first) this.outputBytes = tileBytes(count, width);
    const tiles0 = gemm0Cols(shape);
    const tile = task.expert * (tiles0 + gemm1Cols(shape)) + (first ? task.col : tiles0 + task.col);
    const read = this.#read[state.rank]!;
    if (!read.has(tile)) {
      read.add(tile);
      this.streamBytes = tileBytes(depth, width);
    }
  }

  /** Bytes of `rows` rows of a GEMM1 column tile. */
  tileBytes(rows: number, col: number): number {
    const { shape } = this.#world;
    return tileBytes(rows, tileWidth(shape, shape.hidden, col));
  }
}
