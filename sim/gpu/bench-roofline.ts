/** What bounds a layer on one GPU, from the routing it really had: the tensor cores or the memory. */
import type { Layer } from './bench-layer.ts';

/** Rates of a GPU, measured on it: the machine profile's. */
export interface Peaks {
  /** bf16 matrix products, FLOP a millisecond. */
  readonly flopPerMs: number;
  /** HBM reads and writes together, bytes a millisecond. */
  readonly bytesPerMs: number;
}

/** Work that no implementation of the layer can leave out. */
export interface Work {
  /** Both GEMMs of every kept row: 4 H I, gated 6 H I. Gate, activation and combine are not counted. */
  readonly flop: number;
  /** Weights of every expert that got a row once, tokens once, outputs once. The intermediate may stay in L2. */
  readonly bytes: number;
}

export interface Roofline extends Work {
  readonly tensorMs: number;
  readonly memoryMs: number;
  readonly bound: 'tensor' | 'memory';
  /** The larger of the two: no launch can be shorter. */
  readonly ms: number;
}

/**
 * Work on one GPU.
 * @param rows rows that each of its experts got, from all ranks
 * @param tokens tokens of all ranks on it
 * @param matrices H x I matrices of an expert: two, or three where the activation is gated
 */
export function workOf(
  l: Layer,
  rows: readonly number[],
  tokens: number,
  matrices: 2 | 3 = 2,
): Work {
  let kept = 0;
  let hit = 0;
  for (const n of rows) {
    kept += n;
    if (n > 0) hit += 1;
  }
  const weights = matrices * l.hidden * l.intermediate;
  return { flop: 2 * kept * weights, bytes: hit * weights * 2 + 2 * tokens * l.hidden * 2 };
}

/** The least time of the work at these rates, and which of them binds. */
export function roofline(work: Work, peaks: Peaks): Roofline {
  const tensorMs = work.flop / peaks.flopPerMs;
  const memoryMs = work.bytes / peaks.bytesPerMs;
  const bound = tensorMs >= memoryMs ? 'tensor' : 'memory';
  return { ...work, tensorMs, memoryMs, bound, ms: Math.max(tensorMs, memoryMs) };
}
