import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BenchFile, MeasuredEntry } from '../../../sim/cli/bench-file.ts';
import { type KernelData, readKernelData } from '../../../sim/cli/kernel-data.ts';
import { kernelPage } from '../../../sim/cli/kernel-page.ts';
import { roofline, workOf } from '../../../sim/gpu/bench-roofline.ts';
import { type Timing, timingOf } from '../../../sim/gpu/bench-timing.ts';
import { inFolder } from './run-in-process.ts';

/** Every figure below is invented: no GPU was near. */
const invented = (ms: number): Timing => timingOf([ms, ms * 0.98, ms * 1.1]);

interface Wanted {
  readonly experts?: number;
  readonly tokens?: number;
  readonly ms: number;
  readonly ranks?: number;
  readonly torchMs?: number;
  readonly tracing?: number;
  readonly off?: number;
  readonly problems?: readonly string[];
}

function entry(w: Wanted): MeasuredEntry {
  const { ms, ranks = 1, tokens = 8192, experts = 64, torchMs, tracing, problems = [] } = w;
  const library = { version: 'an invented kernel', sha256: '0'.repeat(64) };
  const layer = { tokens, hidden: 2048, intermediate: 2048, experts, topK: 2 };
  const rows = Array.from({ length: experts }, () => (tokens * 2) / experts);
  const peaks = { flopPerMs: 780e9, bytesPerMs: 4.3e9 };
  const off = { events: invented(ms), gpu: invented(ms * 0.99) };
  return {
    state: 'measured',
    name: [tokens, 2048, 2048, experts, 2].join('/'),
    ranks,
    seconds: 5,
    baseline:
      torchMs === undefined
        ? null
        : {
            way: 'an invented way',
            events: invented(torchMs),
            gpuWay: 'an invented way',
            gpu: invented(torchMs * 0.9),
            operations: 20,
            operationsMissing: null,
            relativeError: 0.004,
            ways: {},
          },
    result: {
      layer,
      ranks,
      gpus: 1,
      gemm: 'wgmma',
      tile: { rows: 288, cols: 128 },
      policy: 'interleave',
      activation: 'relu',
      renormalise: false,
      device: {
        name: 'an invented GPU',
        sms: 132,
        clockKhz: 1980000,
        driverVersion: 13000,
        l2Bytes: 6e7,
        memoryBytes: 1.4e11,
      },
      library,
      world: {
        blocks: 132,
        threads: 384,
        sms: 132,
        registers: 168,
        sharedBytes: 230000,
        localBytes: 0,
      },
      copies: 2,
      copyBytes: 1e9,
      operations: 1,
      timings: { off, on: tracing === undefined ? null : off },
      tracing:
        tracing === undefined
          ? null
          : {
              events: { cost: tracing, plusMinus: 0.001 },
              gpu: { cost: tracing / 2, plusMinus: 0.001 },
            },
      untraced:
        w.off === undefined
          ? null
          : {
              library,
              timings: { events: invented(ms * 0.999), gpu: invented(ms * 0.989) },
              offCosts: {
                events: { cost: w.off, plusMinus: 0.0005 },
                gpu: { cost: w.off / 2, plusMinus: 0.0005 },
              },
            },
      roofline: roofline(workOf(layer, rows, tokens), peaks),
      rows: { min: rows[0] ?? 0, max: rows[0] ?? 0, experts },
      check: {
        outputs: 3,
        rowsJudged: 3000,
        rowsWritten: 3 * tokens,
        relativeError: 0.003,
        maxError: 0.02,
        unwritten: 0,
        notFinite: 0,
        lostRecords: 0,
        problems,
      },
    },
  };
}

function file(entries: BenchFile['entries'], over: Partial<BenchFile> = {}): BenchFile {
  return {
    tool: 'kerneltwin gpu bench',
    version: 1,
    emulated: false,
    date: '2000-01-01',
    peaks: { tensorTflops: 780, memoryTbPerS: 4.3, machine: 'h200' },
    settings: { launches: 30, warmUps: 5, judgedRows: 1024, seed: 1, trace: 'off' },
    torch: { torch: '0.0 invented', cuda: null, gpu: null },
    entries,
    ...over,
  };
}

function page(entries: BenchFile['entries'], over: Partial<KernelData> = {}): string {
  const benches = [{ file: 'kernel-bench.json', bench: file(entries) }];
  return kernelPage({ benches, cases: null, gemm: null, resources: null, ...over });
}

describe("the kernel's page", () => {
  it('has ours beside the target, the roofline and PyTorch', () => {
    const text = page([entry({ ms: 0.48, torchMs: 1.2 })]);
    expect(text).toContain(
      '| 8192 / 2048 / 2048 / 64 / 2 | 288x128 | 0.5 (0.42) | **0.4800** (reached) | 0.4704, 0.5280 | 0.4752 | 573 | tensor, 0.3524 | 73.4 % | 3.0e-3 |',
    );
    expect(text).toContain(
      '| 0.4800 | 1.200 (1.176, 1.320) | **2.50 x** | 1.080 | 2.27 x | 1, 20 |',
    );
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('says which bound binds where few tokens read all weights', () => {
    // 64 experts of two matrices of 8 MiB each, and 128 tokens in and out: 1.07 GB at 4.3 TB/s.
    const text = page([entry({ tokens: 128, ms: 0.26 })]);
    expect(text).toContain('**0.2600** (stretch reached)');
    expect(text).toContain('memory, 0.2500 | 96.1 %');
  });

  it('does not call a target reached that is not', () => {
    const text = page([entry({ ms: 0.51 })]);
    expect(text).toContain('| **0.5100** |');
    expect(text).not.toContain('Beside PyTorch');
  });

  it('judges the sweep over experts', () => {
    const sweep = (ms: number): string =>
      page([
        entry({ tokens: 16384, experts: 8, ms: 1 }),
        entry({ tokens: 16384, experts: 128, ms }),
      ]);
    expect(sweep(1.1)).toContain('10.0 % longer than the fastest; to reach: 15 % (reached)');
    expect(sweep(1.2)).toContain(
      '20.0 % longer than the fastest; to reach: 15 % (**not reached**)',
    );
  });

  it('judges what tracing costs', () => {
    expect(page([entry({ ms: 1, tracing: 0.015 })])).toMatch(
      /to be reached: reached[^]*\+1\.50 \u00b1 0\.10 %/,
    );
    expect(page([entry({ ms: 1, tracing: 0.03 })])).toContain('to be reached: **not reached**');
    // Invented intervals are 0.1 % on either side.
    expect(page([entry({ ms: 1, tracing: 0.0195 })])).toContain('to be reached: **undecided**');
  });

  it('judges what tracing costs while it is off, from any file', () => {
    const bench = (off: number): string =>
      page([], {
        benches: [
          { file: 'kernel-bench.json', bench: file([entry({ ms: 2 })]) },
          { file: 'kernel-bench-untraced.json', bench: file([entry({ ms: 1, off })]) },
        ],
      });
    expect(bench(0.001)).toMatch(
      /without trace code: at most 0\.2 % is to be reached: reached[^]*\| 0\.9990 \| 1\.000 \| \+0\.10 \u00b1 0\.05 % \| \+0\.05 \u00b1 0\.05 % \|/,
    );
    expect(bench(0.003)).toContain('to be reached: **not reached**');
    // Invented intervals are 0.05 % on either side.
    expect(bench(0.0018)).toContain('to be reached: **undecided**');
    expect(page([entry({ ms: 1, tracing: 0.01 })])).not.toContain('without trace code');
  });

  it('keeps ranks apart, and takes a layer from the first file that has it', () => {
    const second = {
      file: 'kernel-bench-ranks.json',
      bench: file([entry({ ms: 3, ranks: 2 }), entry({ ms: 9 })]),
    };
    const first = { file: 'kernel-bench.json', bench: file([entry({ ms: 0.5 })]) };
    const text = page([], { benches: [first, second] });
    expect(text).toContain('| 2 on 1 | 132 | 3.000 |');
    expect(text).not.toContain('9.000');
    expect(text).toContain('[kernel-bench-ranks.json](kernel-bench-ranks.json)');
  });

  it('hides neither wrong outputs nor layers that failed', () => {
    const failed = { state: 'failed', name: '1/64/64/2/1', ranks: 4, problem: 'it hung\nfor long' };
    const text = page([
      entry({ ms: 1, problems: ['5 scales off'] }),
      failed as BenchFile['entries'][0],
    ]);
    expect(text).toContain('- **wrong**: 8192/2048/2048/64/2, 1 ranks: 5 scales off');
    expect(text).toContain('- 1 / 64 / 64 / 2 / 1, 4 ranks: **failed**: it hung\n');
  });

  it('shows the GEMMs alone by their best tile, and what the builds take', () => {
    const line = { tokens: 8, hidden: 64, intermediate: 64, experts: 2, topK: 1, flops: 78e9 };
    const times = { gemm0Ms: 0.1, gemm1Ms: 0.1, correct: true };
    const gemm = {
      machine: 'an invented GPU',
      date: '2000-01-01',
      command: 'gemm_tile',
      lines: [
        { ...line, ...times, tile: 'slow', mergedMs: 0.3 },
        { ...line, ...times, tile: 'fast', mergedMs: 0.2 },
      ],
    };
    const kernel = { registers: 168, stackBytes: 0, spillStores: 0, spillLoads: 0 };
    const resources = [
      { ...kernel, kernel: 'forwardWgmma 128x288x4' },
      { ...kernel, kernel: 'forwardWgmma 128x64x8' },
    ];
    const put = { ...kernel, kernel: 'forwardPut', stackBytes: 8 };
    const text = page([entry({ ms: 1 })], { gemm, resources });
    expect(text).toContain('| fast | 0.1000 | 0.1000 | 0.2000 | 390.0 | 50.0 % |');
    expect(text).not.toContain('slow');
    expect(text).toContain('| forwardWgmma 128x288x4 | 168 | 230000 | 0 | 0, 0 |');
    expect(text).toContain('| forwardWgmma 128x64x8 | 168 | \u2013 | 0 | 0, 0 |');
    expect(text).not.toContain('frame of forwardPut');
    const withFrame = page([entry({ ms: 1 })], { resources: [put] });
    expect(withFrame).toContain('frame of forwardPut');
  });
});

describe('committed measurements', () => {
  const put = (folder: string, name: string, value: unknown): void =>
    writeFileSync(join(folder, name), JSON.stringify(value));

  it('are read with the main file first', () =>
    inFolder(async (folder) => {
      expect(readKernelData(folder)).toBeNull();
      put(folder, 'kernel-bench-a.json', file([]));
      put(folder, 'kernel-bench.json', file([]));
      const names = readKernelData(folder)?.benches.map((bench) => bench.file);
      expect(names).toEqual(['kernel-bench.json', 'kernel-bench-a.json']);
    }));

  it.each([
    ['an emulated GPU', { emulated: true }, 'got one on the emulated GPU'],
    ['too few launches', { settings: { ...file([]).settings, launches: 29 } }, 'got 29'],
    ['another version', { version: 2 as unknown as 1 }, 'version 1'],
  ])('of %s are refused', (_, over, message) =>
    inFolder(async (folder) => {
      put(folder, 'kernel-bench.json', file([], over));
      expect(() => readKernelData(folder)).toThrow(`docs/results/kernel-bench.json: `);
      expect(() => readKernelData(folder)).toThrow(message);
    }),
  );
});

describe('kernel/tools/results.ts', () => {
  function take(into: string, ...args: string[]): { code: number | null; err: string } {
    const words = ['kernel/tools/results.ts', ...args, '--into', into];
    const ran = spawnSync(process.execPath, words, { encoding: 'utf8' });
    return { code: ran.status, err: ran.stderr };
  }
  const json = (folder: string, name: string): unknown =>
    JSON.parse(readFileSync(join(folder, name), 'utf8'));

  it('takes what the test programs printed', () =>
    inFolder(async (folder) => {
      const tests = join(folder, 'tests.txt');
      const litmus = join(folder, 'litmus.txt');
      writeFileSync(
        tests,
        'rank 0 sees a GPU\nPASS ranks=2  a case      error 2.69e-03  last 0.075 ms \n' +
          'FAIL ranks=2  another   error 3.00e-03  last 0.075 ms why\n1 passed, 1 failed\n',
      );
      writeFileSync(litmus, 'MP+acq     12 instances, forbidden 0, hung 1\n');
      expect(take(folder, 'cases', tests, litmus).code).toBe(1);
      expect(json(folder, 'kernel-cases.json')).toMatchObject({
        runs: [{ ranks: 2, passed: 1, failed: 1 }],
        largestError: 0.003,
        litmus: { shapes: 1, instances: 12, forbidden: 0, hung: 1 },
      });
    }));

  it('takes a benchmark, but not an emulated one', () =>
    inFolder(async (folder) => {
      const source = join(folder, 'bench.json');
      writeFileSync(source, JSON.stringify(file([entry({ ms: 1 })])));
      expect(take(folder, 'bench', source, '--name', 'more')).toEqual({ code: 0, err: '' });
      expect(json(folder, 'kernel-bench-more.json')).toEqual(file([entry({ ms: 1 })]));
      writeFileSync(source, JSON.stringify(file([], { emulated: true })));
      expect(take(folder, 'bench', source)).toMatchObject({ code: 2 });
    }));

  it('says what it cannot read', () =>
    inFolder(async (folder) => {
      expect(take(folder, 'nonsense')).toMatchObject({ code: 2 });
      expect(take(folder, 'resources', folder).err).toContain('no kernel was reported');
      expect(take(folder, 'cases', 'package.json').err).toContain('no line "N passed, N failed"');
    }));
});
