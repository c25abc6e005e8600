import { chooseTile, type Layer, type Tile } from '../gpu/bench-layer.ts';
import type { GemmPath } from '../gpu/world-options.ts';
import { InputError } from './outcome.ts';

/** The layers of the speed target first, then what the sweep over experts at S = 16384 adds; in order of importance. */
export const defaultLayers: readonly string[] = [
  '8192/2048/2048/64/2',
  '4096/2048/2048/64/2',
  '1024/2048/2048/64/2',
  '128/2048/2048/64/2',
  '4096/7168/2048/32/8',
  '16384/2048/2048/8/2',
  '16384/2048/2048/128/2',
  '16384/2048/2048/64/2',
  '16384/2048/2048/32/2',
  '16384/2048/2048/16/2',
];

/** @throws {InputError} */
export function parseLayer(text: string): Layer {
  const parts = text.split('/').map((part) => (/^[0-9]+$/.test(part) ? Number(part) : Number.NaN));
  const [tokens = 0, hidden = 0, intermediate = 0, experts = 0, topK = 0] = parts;
  const whole = (value: number): boolean => value % 64 === 0 && value > 0;
  const right =
    parts.length === 5 &&
    tokens >= 1 &&
    whole(hidden) &&
    whole(intermediate) &&
    experts >= 1 &&
    topK >= 1 &&
    topK <= Math.min(8, experts);
  if (!right) {
    throw new InputError(
      `--shape: expected S/H/I/E/k with H and I multiples of 64 and k from 1 to 8 and at most E, got '${text}'`,
    );
  }
  return { tokens, hidden, intermediate, experts, topK };
}

/** @throws {InputError} */
export function parseTile(text: string): Tile {
  const [, rows = '', cols = ''] = /^([0-9]+)x([0-9]+)$/.exec(text) ?? [];
  const tile = { rows: Number(rows), cols: Number(cols) };
  if (tile.rows < 8 || tile.rows % 8 !== 0 || tile.cols < 64 || tile.cols % 64 !== 0) {
    throw new InputError(
      `--tile: expected ROWSxCOLS, a multiple of 8 and a multiple of 64, e.g. 288x128, got '${text}'`,
    );
  }
  return tile;
}

/** An integer option. @throws {InputError} */
export function parseCount(option: string, text: string, least: number, most = 1e9): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    const upTo = most === 1e9 ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InputError(`${option}: expected an integer ${upTo}, got '${text}'`);
  }
  return value;
}

/** Numbers of ranks, e.g. `1,2,4`. @throws {InputError} */
export function parseRanks(text: string): number[] {
  return text.split(',').map((part) => parseCount('--ranks', part, 1, 64));
}

/** The tile that was asked for, or that the rule gives; and which of the two. */
export function tileFor(
  layer: Layer,
  gemm: GemmPath,
  given: Tile | undefined,
  ranksPerGpu: number,
): Tile {
  return given ?? chooseTile(layer, gemm, ranksPerGpu);
}

/** Every layer on every number of ranks. @throws {InputError} where a rank would hold no expert */
export function plannedRuns(
  layers: readonly Layer[],
  ranks: readonly number[],
  gpus: number,
): { readonly layer: Layer; readonly ranks: number }[] {
  return ranks.flatMap((count) =>
    layers.map((layer) => {
      if (layer.experts < count) {
        throw new InputError(
          `--ranks: expected at most the ${layer.experts} experts of a layer, got ${count}`,
        );
      }
      if (count % gpus !== 0) {
        throw new InputError(
          `--gpus: expected a number that divides ${count} ranks evenly, got ${gpus}`,
        );
      }
      return { layer, ranks: count };
    }),
  );
}
