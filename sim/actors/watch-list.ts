import { combineFlag, dispatchFlag, dispatchFlags } from '../moe/heap.ts';
import { cellRowBlocks, gemm1Cols, rowBlocks, type Shape } from '../moe/shape.ts';
import { BitSet } from './bit-set.ts';
import type { RankState } from './rank.ts';

/** Flags of a chunk: one a lane. */
const lanes = 32;

/** Chunks that a subscriber polls together: a group. */
export const groupChunks = 4;

/** Chunks that one subscriber polls, in polling order. */
export interface WatchShare {
  /** Chunk at each position; positions 4 g to 4 g + 3 are group g. */
  readonly chunks: Int32Array;
  /** Groups that still await a flag: polling the others costs nothing. */
  readonly live: BitSet;
  /** Groups that hold an awaited flag that has arrived. */
  readonly arrived: BitSet;
}

/**
 * The flags a rank awaits in one launch: every flag of every (source, local slot), then every combine flag of the rows
 * the rank sent. Flags are watched in chunks of 32; chunk c of a region (a source's cells, or an expert's tiles) belongs
 * to subscriber (region + c) % subscribers, who polls four of its chunks at a time.
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
      const groups = Math.ceil(list.length / groupChunks);
      const live = new BitSet(groups);
      for (let group = 0; group < groups; group++) live.add(group);
      return { chunks: Int32Array.from(list), live, arrived: new BitSet(groups) };
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

  /** Group of a chunk in its owner's share. */
  groupOf(chunk: number): number {
    return Math.floor(this.position[chunk]! / groupChunks);
  }

  /** Marks a fresh word on an awaited flag; returns its chunk. */
  arrive(flag: number): number {
    const chunk = this.chunkOf(flag);
    this.arrived[chunk] = this.arrived[chunk]! | (1 << (flag - this.first[chunk]!));
    this.shares[this.owner[chunk]!]!.arrived.add(this.groupOf(chunk));
    return chunk;
  }

  /** Settles every arrived flag of a chunk; returns their lanes. */
  settle(chunk: number): number {
    const settled = this.arrived[chunk]! & this.pending[chunk]!;
    this.pending[chunk] = this.pending[chunk]! & ~settled;
    this.arrived[chunk] = 0;
    const share = this.shares[this.owner[chunk]!]!;
    const group = this.groupOf(chunk);
    if (!this.#groupHas(share, group, this.arrived)) share.arrived.delete(group);
    if (!this.#groupHas(share, group, this.pending)) share.live.delete(group);
    return settled;
  }

  #groupHas(share: WatchShare, group: number, masks: Int32Array): boolean {
    const end = Math.min(share.chunks.length, (group + 1) * groupChunks);
    for (let at = group * groupChunks; at < end; at++) {
      if (masks[share.chunks[at]!] !== 0) return true;
    }
    return false;
  }

  #firstFlag(region: number): number {
    const { ranks } = this.#shape;
    return region < ranks
      ? dispatchFlag(this.#shape, region, 0)
      : combineFlag(this.#shape, region - ranks, 0, 0);
  }
}
