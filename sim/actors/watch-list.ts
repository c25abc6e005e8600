import { Arena } from '../engine/arena.ts';
import { combineFlag, dispatchFlag, dispatchFlags } from '../moe/heap.ts';
import { cellRowBlocks, gemm1Cols, rowBlocks, type Shape } from '../moe/shape.ts';
import { dispatchChunkFlags } from '../moe/watch-chunks.ts';
import { BitSet } from './bit-set.ts';
import type { RankState } from './rank.ts';

/** Flags of a chunk: one a lane. */
const lanes = 32;

/** Chunks that a subscriber polls together: a group. */
export const groupChunks = 4;

/** Words of a chunk's record: a group of four is a cache line. */
const chunkWords = 4;
const Chunk = {
  /** First flag. */
  first: 0,
  /** Bit l: flag `first + l` is awaited. */
  pending: 1,
  /** Bit l: flag `first + l` is awaited and has a fresh word. */
  arrived: 2,
  /** Its owner, and above that its group in the owner's share. */
  place: 3,
} as const;
const ownerBits = 8;

/** Words that the sets of groups are taken from at a time. */
const arenaWords = 64;

/** Chunks that one subscriber polls, in polling order. */
export interface WatchShare {
  /** Number of the first chunk; those of group g are the four from `begin + 4 g` on. Empty ones fill up the last group. */
  readonly begin: number;
  readonly groups: number;
  /** Groups that still await a flag: polling the others costs nothing. */
  readonly live: BitSet;
  /** Groups that hold an awaited flag that has arrived. */
  readonly arrived: BitSet;
}

/**
 * The flags a rank awaits in one launch: every flag of every (source, local slot), then every combine flag of the rows
 * the rank sent. Combine flags are watched in chunks of 32, dispatch flags in chunks so small that every subscriber has
 * one; chunk c of a region (a source's cells, or an expert's tiles) belongs to subscriber (region + c) % subscribers, who
 * polls four of its chunks at a time. Chunks are numbered in polling order, share after share. 16 bytes a chunk and 4 to
 * find it by; 4 a region.
 */
export class WatchList {
  readonly shares: readonly WatchShare[];

  /** Records of all chunks. */
  readonly #words: Int32Array;
  readonly #shape: Shape;
  readonly #dispatchFlags: number;
  readonly #flagsPerExpert: number;
  /** Begin of each region in `#chunks`; sources, then experts. */
  readonly #base: Int32Array;
  /** Number of each chunk, region after region. */
  readonly #chunks: Int32Array;
  /** Dispatch flags of a chunk. */
  readonly #dispatchChunk: number;

  constructor(shape: Shape, state: RankState, subscribers: number) {
    this.#shape = shape;
    this.#dispatchFlags = dispatchFlags(shape);
    this.#flagsPerExpert = cellRowBlocks(shape) * gemm1Cols(shape);
    const regions = shape.ranks + shape.experts;
    const flagsOf = (region: number): number =>
      region < shape.ranks
        ? state.localExperts
        : rowBlocks(shape, state.ownRows[region - shape.ranks]!) * gemm1Cols(shape);
    this.#dispatchChunk = dispatchChunkFlags(shape.ranks, state.localExperts, subscribers);
    const chunkFlags = (region: number): number =>
      region < shape.ranks ? this.#dispatchChunk : lanes;
    this.#base = new Int32Array(regions + 1);
    for (let region = 0; region < regions; region++) {
      this.#base[region + 1] =
        this.#base[region]! + Math.ceil(flagsOf(region) / chunkFlags(region));
    }
    const owned = new Int32Array(subscribers);
    for (let region = 0; region < regions; region++) {
      const count = this.#base[region + 1]! - this.#base[region]!;
      for (let c = 0; c < count; c++) owned[(region + c) % subscribers]!++;
    }
    const arena = new Arena(arenaWords);
    let begin = 0;
    this.shares = Array.from(owned, (count) => {
      const groups = Math.ceil(count / groupChunks);
      const live = new BitSet(groups, arena);
      for (let group = 0; group < groups; group++) live.add(group);
      const share = { begin, groups, live, arrived: new BitSet(groups, arena) };
      begin += groups * groupChunks;
      return share;
    });
    this.#words = new Int32Array(begin * chunkWords);
    this.#chunks = new Int32Array(this.#base[regions]!);
    const next = Int32Array.from(this.shares, (share) => share.begin);
    for (let region = 0; region < regions; region++) {
      const flags = flagsOf(region);
      const each = chunkFlags(region);
      for (let c = 0; c * each < flags; c++) {
        const owner = (region + c) % subscribers;
        const chunk = next[owner]!++;
        const group = (chunk - this.shares[owner]!.begin) >> 2;
        const count = Math.min(each, flags - c * each);
        const at = chunk * chunkWords;
        this.#words[at + Chunk.first] = this.#firstFlag(region) + c * each;
        this.#words[at + Chunk.pending] = count === lanes ? -1 : (1 << count) - 1;
        this.#words[at + Chunk.place] = owner | (group << ownerBits);
        this.#chunks[this.#base[region]! + c] = chunk;
      }
    }
  }

  /** Chunks in all, with those that fill up groups and await nothing. */
  get size(): number {
    return this.#words.length / chunkWords;
  }

  /** First flag of a chunk. */
  firstOf(chunk: number): number {
    return this.#words[chunk * chunkWords + Chunk.first]! >>> 0;
  }

  /** Lanes of a chunk's flags that are awaited. */
  pendingOf(chunk: number): number {
    return this.#words[chunk * chunkWords + Chunk.pending]!;
  }

  /** Lanes of a chunk's flags that are awaited and have a fresh word. */
  arrivedOf(chunk: number): number {
    return this.#words[chunk * chunkWords + Chunk.arrived]!;
  }

  /** Subscriber that polls a chunk. */
  ownerOf(chunk: number): number {
    return this.#words[chunk * chunkWords + Chunk.place]! & ((1 << ownerBits) - 1);
  }

  /** Group of a chunk in its owner's share. */
  groupOf(chunk: number): number {
    return this.#words[chunk * chunkWords + Chunk.place]! >> ownerBits;
  }

  /** Chunk that watches `flag`; throws RangeError when this rank does not await it in this launch. */
  chunkOf(flag: number): number {
    const { slots, ranks } = this.#shape;
    let region: number;
    let offset: number;
    let each: number = lanes;
    if (flag < this.#dispatchFlags) {
      region = Math.floor(flag / slots);
      offset = flag - region * slots;
      each = this.#dispatchChunk;
    } else {
      const tile = flag - this.#dispatchFlags;
      const expert = Math.floor(tile / this.#flagsPerExpert);
      region = ranks + expert;
      offset = tile - expert * this.#flagsPerExpert;
    }
    const at = this.#base[region]! + Math.floor(offset / each);
    if (!(at < this.#base[region + 1]!)) {
      throw new RangeError(`flag ${flag} is not awaited in this launch`);
    }
    return this.#chunks[at]!;
  }

  /** True while `flag`, of `chunk`, is awaited: no subscriber has settled it in this launch. */
  awaits(chunk: number, flag: number): boolean {
    return ((this.pendingOf(chunk) >>> (flag - this.firstOf(chunk))) & 1) === 1;
  }

  /** Marks a fresh word on an awaited flag of `chunk`. */
  arrive(chunk: number, flag: number): void {
    this.#words[chunk * chunkWords + Chunk.arrived]! |= 1 << (flag - this.firstOf(chunk));
    this.shares[this.ownerOf(chunk)]!.arrived.add(this.groupOf(chunk));
  }

  /** Settles every arrived flag of a chunk; returns their lanes. */
  settle(chunk: number): number {
    const words = this.#words;
    const at = chunk * chunkWords;
    const settled = words[at + Chunk.arrived]! & words[at + Chunk.pending]!;
    words[at + Chunk.pending]! &= ~settled;
    words[at + Chunk.arrived] = 0;
    const share = this.shares[this.ownerOf(chunk)]!;
    const group = this.groupOf(chunk);
    const first = (share.begin + group * groupChunks) * chunkWords;
    let arrived = 0;
    let pending = 0;
    for (let other = first; other < first + groupChunks * chunkWords; other += chunkWords) {
      arrived |= words[other + Chunk.arrived]!;
      pending |= words[other + Chunk.pending]!;
    }
    if (arrived === 0) share.arrived.delete(group);
    if (pending === 0) share.live.delete(group);
    return settled;
  }

  #firstFlag(region: number): number {
    const { ranks } = this.#shape;
    return region < ranks
      ? dispatchFlag(this.#shape, region, 0)
      : combineFlag(this.#shape, region - ranks, 0, 0);
  }
}
