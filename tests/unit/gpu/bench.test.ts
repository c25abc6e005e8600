import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultLayers, parseLayer } from '../../../sim/cli/bench-options.ts';
import {
  chooseTile,
  expectedRows,
  expertsPerRank,
  type Layer,
  type LayerOptions,
  layerName,
  layerWorld,
  wgmmaTiles,
} from '../../../sim/gpu/bench-layer.ts';
import { costOf } from '../../../sim/gpu/bench-result.ts';
import { roofline, workOf } from '../../../sim/gpu/bench-roofline.ts';
import { copiesOf, copyBytes, type LayerBench } from '../../../sim/gpu/bench-settings.ts';
import { timingOf } from '../../../sim/gpu/bench-timing.ts';

const layer: Layer = { tokens: 8192, hidden: 2048, intermediate: 2048, experts: 64, topK: 2 };
const peaks = { flopPerMs: 780e9, bytesPerMs: 4.3e9 };

const options: LayerOptions = {
  ranks: 1,
  gemm: 'wgmma',
  tile: { rows: 288, cols: 128 },
  policy: 'interleave',
  activation: 'relu',
  renormalise: false,
  trace: false,
  deadlineMs: 5000,
};

const bench: LayerBench = {
  ...options,
  gpus: 1,
  trace: 'off',
  launches: 30,
  warmUps: 5,
  judgedRows: 1024,
  seed: 1,
  peaks,
  device: { memoryFree: 140e9, l2Bytes: 60e6 },
};

describe("a layer's roofline", () => {
  it('is that of the published arithmetic', () => {
    const even = Array.from({ length: 64 }, () => 256);
    const bound = roofline(workOf(layer, even, 8192), peaks);
    expect(bound.flop / 1e9).toBeCloseTo(274.9, 1);
    expect(bound.tensorMs).toBeCloseTo(0.352, 3);
    // Weights of 64 experts, 1.07 GB, and 67 MB of tokens and outputs.
    expect(bound.memoryMs).toBeCloseTo((64 * 2 * 2048 * 2048 * 2 + 2 * 8192 * 2048 * 2) / 4.3e9);
    expect(bound).toMatchObject({ bound: 'tensor', ms: bound.tensorMs });
  });

  it('has half as much again where the activation is gated', () => {
    const plain = workOf(layer, [10, 0], 10);
    const gated = workOf(layer, [10, 0], 10, 3);
    expect(gated.flop).toBe(1.5 * plain.flop);
    const w1 = copyBytes(layer, { ...bench, activation: 'swiglu' }) - copyBytes(layer, bench);
    expect(w1).toBe(64 * 2048 * 2048 * 2);
    expect(layerWorld(layer, { ...options, activation: 'geglu' }).shape.gated).toBe(true);
  });

  it('reads no weights of experts without rows', () => {
    const few = { ...layer, tokens: 1 };
    const rows = Array.from({ length: 64 }, (_, e) => (e < 2 ? 1 : 0));
    const bound = roofline(workOf(few, rows, 1), peaks);
    expect(bound.bytes).toBe(2 * 2 * 2048 * 2048 * 2 + 2 * 2048 * 2);
    expect(bound.bound).toBe('memory');
  });
});

describe('the tile rule', () => {
  it('keeps a cell whole where a tile can hold it, and suits the layout', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 256 }), (s, e) => {
        const l = { ...layer, tokens: s, experts: e, topK: 1 };
        const tile = chooseTile(l, 'wgmma');
        expect(tile.rows % 8).toBe(0);
        expect(tile.cols % 64).toBe(0);
        expect(tile.rows).toBeGreaterThanOrEqual(Math.min(expectedRows(l), 176));
      }),
    );
  });

  it('has pairs of blocks only where a rank has a GPU of its own', () => {
    const l = { ...layer, experts: 8, topK: 1 };
    const tiles = [64, 1024, 4096, 32_768].map((tokens) => {
      const one = chooseTile({ ...l, tokens }, 'wgmma', 1);
      const shared = chooseTile({ ...l, tokens }, 'wgmma', 2);
      return [one, shared].map(({ rows, cols }) => `${rows}x${cols}`);
    });
    expect(tiles).toEqual([
      ['64x256', '64x256'],
      ['192x128', '192x128'],
      ['288x256', '288x128'],
      ['256x256', '256x128'],
    ]);
  });

  it('is the one the guide tells', () => {
    const guide = readFileSync('docs/guide/bench.md', 'utf8');
    const told = [...guide.matchAll(/^\| (?:up to (\d+)|more) \| (\d+)x(\d+) \|/gm)].map((row) => {
      return { upTo: Number(row[1] ?? Infinity), rows: Number(row[2]), cols: Number(row[3]) };
    });
    expect(told).toEqual(wgmmaTiles);
  });

  it('takes narrow tiles for few rows and has one for mma', () => {
    expect(chooseTile({ ...layer, tokens: 128 }, 'wgmma').rows).toBe(64);
    expect(chooseTile(layer, 'mma')).toEqual({ rows: 128, cols: 128 });
  });
});

describe("a layer's world", () => {
  it.each(defaultLayers)('%s is dropless and reads back as it was written', (name) => {
    const l = parseLayer(name);
    expect(layerName(l)).toBe(name);
    const { shape, traceRecords } = layerWorld(l, { ...options, tile: chooseTile(l, 'wgmma') });
    expect(shape.capacity).toBeGreaterThanOrEqual(l.tokens);
    expect(shape.capacity % shape.tileRows).toBe(0);
    expect(traceRecords).toBe(0);
  });

  it('deals experts evenly, none left without', () => {
    expect(expertsPerRank(8, 3)).toEqual([3, 3, 2]);
    const { shape, placement } = layerWorld({ ...layer, experts: 8 }, { ...options, ranks: 3 });
    expect(shape.slots).toBe(3);
    expect([...placement]).toEqual([0, 3, 6, 8]);
  });

  it('has rings for the busiest actor when it is traced', () => {
    const { shape, traceRecords } = layerWorld(layer, { ...options, trace: true });
    // The scheduler records at least three events a task; GEMMs alone are over 2000 tasks here.
    expect(traceRecords).toBeGreaterThan((3 * 2 * 64 * shape.hidden) / shape.tileCols);
  });
});

describe('copies of a layer', () => {
  it('are two where one is larger than L2, more where it is small', () => {
    expect(copiesOf(layer, bench)).toBe(2);
    const small = { ...layer, tokens: 128, experts: 2 };
    const copies = copiesOf(small, bench);
    expect((copies - 1) * copyBytes(small, bench)).toBeGreaterThanOrEqual(2 * 60e6);
  });

  it('are what fits, at least one', () => {
    const little = { ...bench, device: { memoryFree: 1e9, l2Bytes: 60e6 } };
    expect(copiesOf(layer, little)).toBe(1);
  });
});

describe('times and costs', () => {
  it('are median, least and 95th percentile, in the order they were taken', () => {
    const samples = Array.from({ length: 40 }, (_, i) => (i === 0 ? 99 : i));
    expect(timingOf(samples)).toEqual({ median: 20.5, min: 1, p95: 38, samples });
    expect(() => timingOf([])).toThrow(RangeError);
  });

  it('compare neighbours, so that drift of the machine does not count', () => {
    const cheaper = Array.from({ length: 31 }, (_, i) => 1 + i / 10);
    const { cost, plusMinus } = costOf(
      cheaper.map((ms) => ms * 1.02),
      cheaper,
    );
    expect(cost).toBeCloseTo(0.02);
    expect(plusMinus).toBeCloseTo(0);
    const noisy = costOf(
      cheaper.map((ms, i) => ms * (i % 2 === 0 ? 1 : 1.04)),
      cheaper,
    );
    expect(noisy.plusMinus).toBeGreaterThan(0.005);
  });
});
