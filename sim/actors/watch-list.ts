import { combineFlag, dispatchFlag, dispatchFlags } from '../moe/heap.ts';
import { cellRowBlocks, gemm1Cols, rowBlocks, type Shape } from '../moe/shape.ts';
import { BitSet } from './bit-set.ts';
import type { RankState } from './rank.ts';

/** Flags of a chunk: one a lane. */
const lanes = 32;

/** Chunks that one subscriber polls, in polling order. */
export interface WatchShare {
  /** Chunk at each position. */
  readonly chunks: Int32Array;
  /** Positions whose chunk still awaits a flag: the others are skipped at no cost. */
  readonly live: BitSet;
  /** Positions whose chunk holds an awaited flag that has arrived. */
  readonly arrived: BitSet;
}

/**
 * The flags a rank awaits in one launch: every flag of every (source, local slot), then every combine flag of the rows
 * the rank sent. Flags are watched in chunks of 32; chunk c of a region (a source's cells, or an expert's tiles) belongs
 * to subscriber (region + c) % subscribers.
 */
export class WatchList {
  readonly shares: readonly WatchShare[];
  /** First flag of each chunk. */
  readonly first: Int32Array;
  /** Bit l: flag `first + l` is awaited. */
  readonly pending: Int32Array;
  /** Bit l: flag `first + l` is awaited and has a fresh word. */
  readonly arrived: Int32Array;
  readonly owner: Uint8Array;
  /** Place of each chunk in its owner's share. */
  readonly position: Int32Array;

  readonly #shape: Shape;
  readonly #dispatchFlags: number;
  readonly #flagsPerExpert: number;
  /** First chunk of each region; sources, then experts. */
  readonly #base: Int32Array;

  constructor(shape: Shape, state: RankState, subscribers: number) {
    this.#shape = shape;
    this.#dispatchFlags = dispatchFlags(shape);
    this.#flagsPerExpert = cellRowBlocks(shape) * gemm1Cols(shape);
    const regions = shape.ranks + shape.experts;
    const flagsOf = (region: number): number =>
      region < shape.ranks
        ? state.localExperts
        : rowBlocks(shape, state.ownRows[region - shape.ranks]!) * gemm1Cols(shape);
    this.#base = new Int32Array(regions + 1);
    for (let region = 0; region < regions; region++) {
      this.#base[region + 1] = this.#base[region]! + Math.ceil(flagsOf(region) / lanes);
    }
    const chunks = this.#base[regions]!;
    this.first = new Int32Array(chunks);
    this.pending = new Int32Array(chunks);
    this.arrived = new Int32Array(chunks);
    this.owner = new Uint8Array(chunks);
    this.position = new Int32Array(chunks);
    const shares: number[][] = Array.from({ length: subscribers }, () => []);
    for (let region = 0; region < regions; region++) {
      const flags = flagsOf(region);
      for (let c = 0; c * lanes < flags; c++) {
        const chunk = this.#base[region]! + c;
        const owner = (region + c) % subscribers;
        const count = Math.min(lanes, flags - c * lanes);
        this.first[chunk] = this.#firstFlag(region) + c * lanes;
        this.pending[chunk] = count === lanes ? -1 : (1 << count) - 1;
        this.owner[chunk] = owner;
        this.position[chunk] = shares[owner]!.length;
        shares[owner]!.push(chunk);
      }
    }
    this.shares = shares.map((list) => {
      const live = new BitSet(list.length);
      for (let at = 0; at < list.length; at++) live.add(at);
      return { chunks: Int32Array.from(list), live, arrived: new BitSet(list.length) };
    });
  }

  /** Chunks in all. */
  get size(): number {
    return this.first.length;
  }

  /** Chunk that watches `flag`; throws RangeError when this rank does not await it in this launch. */
  chunkOf(flag: number): number {
    const { slots, ranks } = this.#shape;
    let region: number;
    let offset: number;
    if (flag < this.#dispatchFlags) {
      region = Math.floor(flag / slots);
      offset = flag - region * slots;
    } else {
      const tile = flag - this.#dispatchFlags;
      const expert = Math.floor(tile / this.#flagsPerExpert);
      region = ranks + expert;
      offset = tile - expert * this.#flagsPerExpert;
    }
    const chunk = this.#base[region]! + (offset >> 5);
    if (!(chunk < this.#base[region + 1]!)) {
      throw new RangeError(`flag ${flag} is not awaited in this launch`);
    }
    return chunk;
  }

  /** True while `flag` is awaited: no subscriber has settled it in this launch. */
  awaits(flag: number): boolean {
    const chunk = this.chunkOf(flag);
    return ((this.pending[chunk]! >>> (flag - this.first[chunk]!)) & 1) === 1;
  }

  /** Marks a fresh word on an awaited flag; returns its chunk. */
  arrive(flag: number): number {
    const chunk = this.chunkOf(flag);
    this.arrived[chunk] = this.arrived[chunk]! | (1 << (flag - this.first[chunk]!));
    this.shares[this.owner[chunk]!]!.arrived.add(this.position[chunk]!);
    return chunk;
  }

  /** Settles every arrived flag of a chunk; returns their lanes. */
  settle(chunk: number): number {
    const settled = this.arrived[chunk]! & this.pending[chunk]!;
    const share = this.shares[this.owner[chunk]!]!;
    const left = this.pending[chunk]! & ~settled;
    this.pending[chunk] = left;
    this.arrived[chunk] = 0;
    share.arrived.delete(this.position[chunk]!);
    if (left === 0) share.live.delete(this.position[chunk]!);
    return settled;
  }

  #firstFlag(region: number): number {
    const { ranks } = this.#shape;
    return region < ranks
      ? dispatchFlag(this.#shape, region, 0)
      : combineFlag(this.#shape, region - ranks, 0, 0);
  }
}
