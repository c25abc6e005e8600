/** Numbers of the shared words of a world, in the order in which the explorer allocates them. */

import { Round, rowStep, Stage } from '../../moe/generated/layout.ts';
import {
  cellIndex,
  combineOffset,
  dispatchOffset,
  flagCount,
  heapElements,
} from '../../moe/heap.ts';
import { type Placement, placementFrom } from '../../moe/placement.ts';
import { ceilDiv, cellRowBlocks, gemm0Cols, gemm1Cols, type Shape } from '../../moe/shape.ts';
import type { WorldSpec } from '../world-spec.ts';
import { nativeConfig } from '../world-spec.ts';

/** First word of each kind, of one rank. */
export interface RankWords {
  readonly flags: number;
  readonly doorbells: number;
  readonly status: number;
  /** [subscribers + 1]; the last is the processors' ring. */
  readonly rings: readonly number[];
  readonly queueTail: number;
  readonly rowBlockArrivals: number;
  readonly cellArrivals: number;
  readonly tokenArrivals: number;
  readonly barrier: number;
  readonly bound: number;
  readonly corrected: number;
  readonly interrupted: number;
  readonly osReady: number;
  readonly intermediate: number;
  readonly output: number;
  /** Element offset / 64 to word; absent: no row or tile of the routing lies there. */
  readonly heap: ReadonlyMap<number, number>;
}

export interface Words {
  readonly shape: Shape;
  readonly placement: Placement;
  readonly ranks: readonly RankWords[];
  readonly count: number;
  /** Initial values. */
  readonly initial: Uint32Array;
  readonly name: (at: number) => string;
}

export const roundUpPow2 = (n: number): number => {
  let p = 1;
  while (p < n) p *= 2;
  return p;
};

export function subscriberRing(s: Shape): number {
  const full = s.experts * cellRowBlocks(s);
  const routed = Math.floor((s.tokens * s.topK) / s.tileRows) + s.experts;
  return roundUpPow2(s.ranks * s.slots * cellRowBlocks(s) + Math.min(full, routed) * gemm1Cols(s));
}

export const processorRing = (s: Shape): number =>
  roundUpPow2(s.ranks * s.slots * cellRowBlocks(s));

/** Counts words up and remembers what each run of them is. */
class Numbering {
  next = 0;
  readonly #runs: { readonly first: number; readonly name: string }[] = [];
  take(name: string, count: number): number {
    const first = this.next;
    this.next += count;
    if (count > 0) this.#runs.push({ first, name });
    return first;
  }
  readonly nameOf = (at: number): string => {
    const run = this.#runs.findLast((r) => r.first <= at);
    return run === undefined ? `word ${at}` : `${run.name}[${at - run.first}]`;
  };
}

/** Words of a world with direct stores. */
export function wordsOf(spec: WorldSpec): Words {
  const shape = nativeConfig(spec).shape;
  const placement = placementFrom(spec.expertsPerRank);
  const numbering = new Numbering();
  const lazyStatus: number[] = [];
  const ranks = spec.expertsPerRank.map((_, rank): RankWords => {
    const take = (name: string, count: number): number =>
      numbering.take(`rank ${rank} ${name}`, count);
    const rowBlocks = shape.slots * shape.ranks * cellRowBlocks(shape);
    const words = {
      flags: take('flag', flagCount(shape)),
      doorbells: take('doorbell', spec.processors),
      status: take('status', spec.processors),
      rings: Array.from({ length: spec.subscribers + 1 }, (_ring, i) =>
        take(`ring ${i}`, i < spec.subscribers ? subscriberRing(shape) : processorRing(shape)),
      ),
      queueTail: take('queue tail', 1),
      rowBlockArrivals: take('row block arrivals', rowBlocks),
      cellArrivals: take('cell arrivals', shape.experts),
      tokenArrivals: take('token arrivals', shape.tokens * gemm1Cols(shape)),
      barrier: take('barrier', 1),
      bound: take('bound', 1),
      corrected: take('corrected', ceilDiv(shape.ranks, 32)),
      interrupted: take('interrupted', 1),
      osReady: take('OS block ready', 1),
      outbox: take('outbox', 1),
      putsDone: take('puts done', spec.processors),
      intermediate: take('intermediate tile', rowBlocks * gemm0Cols(shape)),
      output: take('output', shape.tokens * gemm1Cols(shape)),
    };
    for (let p = 0; p < spec.processors; p++) lazyStatus.push(words.status + p);
    return { ...words, heap: heapOf(spec, shape, placement, rank, take) };
  });
  const initial = new Uint32Array(numbering.next);
  if (spec.readiness === 'lazy') for (const at of lazyStatus) initial[at] = 0xffffffff;
  return { shape, placement, ranks, count: numbering.next, initial, name: numbering.nameOf };
}

function heapOf(
  spec: WorldSpec,
  s: Shape,
  placement: Placement,
  rank: number,
  take: (name: string, count: number) => number,
): Map<number, number> {
  const heap = new Map<number, number>();
  const most = (source: number, expert: number): number =>
    Math.max(...spec.rows.map((epoch) => epoch[source]?.[expert] ?? 0));
  const map = (name: string, offset: number): void => {
    if (offset >= heapElements(s)) throw new RangeError(`offset ${offset} past the heap`);
    if (!heap.has(offset / 64)) heap.set(offset / 64, take(name, 1));
  };
  for (let peer = 0; peer < s.ranks; peer++) {
    for (let slot = 0; slot < placement.localExperts(rank); slot++) {
      const cell = cellIndex(s, peer, Round.Dispatch, Stage.Incoming, slot);
      for (let r = 0; r < most(peer, placement.globalExpert(rank, slot)); r++) {
        map(`row ${r} from rank ${peer}, slot ${slot}`, dispatchOffset(s, cell, r, 0));
      }
    }
    for (let slot = 0; slot < placement.localExperts(peer); slot++) {
      const cell = cellIndex(s, peer, Round.Combine, Stage.Incoming, slot);
      for (let col = 0; col < gemm1Cols(s); col++) {
        for (let r = 0; r < most(rank, placement.globalExpert(peer, slot)); r += rowStep) {
          const offset = combineOffset(s, cell, r, col * s.tileCols);
          map(`tile row ${r} col ${col} from rank ${peer}, slot ${slot}`, offset);
        }
      }
    }
  }
  return heap;
}
