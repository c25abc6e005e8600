/** What a benchmark runs: one MoE layer, and how the kernel is asked to run it. */
import type { GemmPath, KernelPolicy, WorldOptions } from '../../binding/index.ts';
import { flagCount, heapElements, intermediateElements } from '../moe/heap.ts';
import { blocksPerProcessor } from '../moe/pairs.ts';
import { placementFrom } from '../moe/placement.ts';
import { type Activation, isGated } from '../moe/scenario.ts';
import { ceilDiv, gemm0Cols, gemm1Cols, roundUp, type Shape, w1Rows } from '../moe/shape.ts';

/** A layer as it is written: S / H / I / E / k, S tokens on each rank. */
export interface Layer {
  readonly tokens: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly experts: number;
  readonly topK: number;
}

export interface Tile {
  /** Most tokens of a tile. */
  readonly rows: number;
  /** Weight rows of a tile. */
  readonly cols: number;
}

/** `8192/2048/2048/64/2`. */
export function layerName(l: Layer): string {
  return [l.tokens, l.hidden, l.intermediate, l.experts, l.topK].join('/');
}

/** Rows that a cell, the tokens one rank sends to one expert, holds when routing is even. */
export function expectedRows(l: Layer): number {
  return (l.tokens * l.topK) / l.experts;
}

/** wgmma tiles by the largest expected rows of a cell they are for, narrowest first. */
export const wgmmaTiles: readonly (Tile & { readonly upTo: number })[] = [
  { upTo: 64, rows: 64, cols: 256 },
  { upTo: 192, rows: 192, cols: 128 },
  { upTo: 1536, rows: 288, cols: 256 },
  { upTo: Number.POSITIVE_INFINITY, rows: 256, cols: 256 },
];

/**
 * The rule by which a tile is chosen at launch: from the expected rows of a cell alone, because routing is not known before. Few rows
 * are bound by reading weights, where wide tiles leave fewer tasks to schedule; up to 192 a cell fits one tile with a deep ring; beyond
 * that the power limit counts, and the tiles of a pair of blocks, which bring the tokens from L2 once for both, take the
 * least: of 288 rows until row blocks are so many that whole products of 256 rows count more. Ranks that share a GPU cannot
 * have pairs and take the tile of one block. mma.sync has one tile.
 */
export function chooseTile(l: Layer, gemm: GemmPath, ranksPerGpu = 1): Tile {
  if (gemm === 'mma') return { rows: 128, cols: 128 };
  const rows = expectedRows(l);
  const chosen = wgmmaTiles.find((tile) => rows <= tile.upTo);
  if (chosen === undefined) throw new RangeError(`no tile for ${rows} rows`);
  const { rows: tall, cols } = chosen;
  const pair = blocksPerProcessor({ world: { gemm }, tiles: { rows: tall, cols } }) === 2;
  return { rows: tall, cols: pair && ranksPerGpu > 1 ? cols / 2 : cols };
}

/** How a layer is run. */
export interface LayerOptions {
  readonly ranks: number;
  readonly gemm: GemmPath;
  readonly tile: Tile;
  readonly policy: KernelPolicy;
  readonly activation: Activation;
  readonly renormalise: boolean;
  readonly trace: boolean;
  readonly deadlineMs: number;
}

/** Experts of each rank: as even as they go, the first ranks hold one more. */
export function expertsPerRank(experts: number, ranks: number): number[] {
  const least = Math.floor(experts / ranks);
  return Array.from({ length: ranks }, (_, r) => least + (r < experts % ranks ? 1 : 0));
}

/** The layer's world: dropless, no bias, the router's own top-k, direct transport. */
export function layerWorld(l: Layer, o: LayerOptions): WorldOptions {
  const perRank = expertsPerRank(l.experts, o.ranks);
  const shape: Shape = {
    ranks: o.ranks,
    experts: l.experts,
    slots: Math.max(...perRank),
    tokens: l.tokens,
    hidden: l.hidden,
    intermediate: l.intermediate,
    topK: l.topK,
    capacity: roundUp(l.tokens, o.tile.rows),
    tileRows: o.tile.rows,
    tileCols: o.tile.cols,
    ...(isGated(o.activation) ? { gated: true } : {}),
  };
  return {
    shape,
    placement: placementFrom(perRank).base,
    blocks: 0,
    transport: 'direct',
    readiness: 'eager',
    policy: o.policy,
    activation: o.activation,
    dtype: 'bf16',
    renormalise: o.renormalise,
    bias: false,
    gate: 'topK',
    gemm: o.gemm,
    traceRecords: o.trace ? mostRecords(shape) : 0,
    deadlineNs: BigInt(Math.round(o.deadlineMs * 1e6)),
  };
}

/**
 * Records that hold the busiest actor, whatever the routing: about seven a task, and the tasks of a rank to which every choice of
 * every token goes. A ring that is full all the same is reported.
 */
function mostRecords(s: Shape): number {
  const choices = s.ranks * s.tokens * s.topK;
  const blocks = ceilDiv(choices, s.tileRows) + s.ranks * s.slots;
  const own = ceilDiv(s.tokens * s.topK, s.tileRows) + s.experts;
  const tasks = blocks * (gemm0Cols(s) + gemm1Cols(s)) + own * gemm1Cols(s);
  return Math.min(1 << 21, 7 * tasks + 8 * s.ranks * s.slots + 4 * s.experts + 256);
}

/** Bytes of a rank's weights, W1 and W2. */
export function weightBytes(s: Shape): number {
  return s.slots * s.hidden * (w1Rows(s) + s.intermediate) * 2;
}

/** Symmetric bytes of a world on every rank: heap and flags. */
export function symmetricBytes(s: Shape): number {
  return heapElements(s) * 2 + flagCount(s) * 8;
}

/** Device bytes of a world on a rank, trace rings of 256 actors included. */
export function worldBytes({ shape: s, traceRecords }: WorldOptions): number {
  const rows = 2 * s.tokens * s.hidden * 2;
  const rings = traceRecords * 16 * 256;
  return symmetricBytes(s) + intermediateElements(s) * 2 + weightBytes(s) + rows + rings;
}
