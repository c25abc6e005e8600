/** How a layer is timed. */
import type { DeviceInfo } from '../../binding/index.ts';
import {
  type Layer,
  type LayerOptions,
  layerWorld,
  weightBytes,
  worldBytes,
} from './bench-layer.ts';
import type { Peaks } from './bench-roofline.ts';

/** Tracing off, on, or both in turn: what tracing costs. */
export type TraceChoice = 'off' | 'on' | 'both';

export interface LayerBench extends Omit<LayerOptions, 'trace'> {
  readonly library?: string | undefined;
  /** A library built without trace code, to compare tracing off with; one rank only. */
  readonly untracedLibrary?: string | undefined;
  /** GPU of rank 0 before anything runs on it. */
  readonly device: Pick<DeviceInfo, 'memoryFree' | 'l2Bytes'>;
  /** Ranks are spread over them evenly. */
  readonly gpus: number;
  readonly trace: TraceChoice;
  /** Timed launches of each kind. */
  readonly launches: number;
  readonly warmUps: number;
  /** Tokens of a rank whose output is held against fp64, about; every element is looked at for having been written. */
  readonly judgedRows: number;
  readonly seed: number;
  readonly peaks: Peaks;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

export type Mode = 'off' | 'on';

export function modesOf(trace: TraceChoice): readonly Mode[] {
  return trace === 'both' ? ['off', 'on'] : [trace];
}

/** Most copies of a layer: beyond that only tiny layers still meet themselves in L2. */
const mostCopies = 8;

/** Bytes of one copy on a rank, weights and tokens: what a launch would find in L2 if it met its own data again too soon. */
export function copyBytes(layer: Layer, bench: LayerBench): number {
  const { shape } = layerWorld(layer, { ...bench, trace: false });
  return weightBytes(shape) + shape.tokens * shape.hidden * 2;
}

/**
 * Copies of weights and tokens that launches take in turn. At least two, and enough that the copies between two launches on the same one
 * are twice the size of L2; as many as fit in 85 % of the memory that is free, at least one.
 */
export function copiesOf(layer: Layer, bench: LayerBench): number {
  const modes = [...modesOf(bench.trace), ...(bench.untracedLibrary === undefined ? [] : ['off'])];
  let perCopy = 0;
  for (const mode of modes) {
    perCopy += worldBytes(layerWorld(layer, { ...bench, trace: mode === 'on' }));
  }
  const share = (0.85 * bench.device.memoryFree) / (bench.ranks / bench.gpus);
  const wanted = Math.max(2, 1 + Math.ceil((2 * bench.device.l2Bytes) / copyBytes(layer, bench)));
  return Math.max(1, Math.min(wanted, mostCopies, Math.floor(share / perCopy)));
}
