import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { BenchFile, MeasuredEntry } from '../../../sim/cli/bench-file.ts';
import { runCli } from '../../../sim/cli/run.ts';
import { type GpuDoubles, gpuDoubles } from '../../support/gpu-doubles.ts';
import { torchDouble } from '../../support/torch-double.ts';
import { inFolder, run } from './run-in-process.ts';

let doubles: GpuDoubles | undefined;
afterEach(() => doubles?.restore());

const small = ['--shape', '40/64/128/8/2', '--launches', '4', '--warmup', '1'];

function bench(fault: string, ...args: string[]): ReturnType<typeof run> {
  doubles = gpuDoubles(fault);
  return run(['gpu', 'bench', '--library', doubles.library, ...small, ...args]);
}

function onlyEntry(file: BenchFile): MeasuredEntry {
  const [entry, ...others] = file.entries;
  expect(others).toEqual([]);
  if (entry?.state !== 'measured') throw new Error(`expected it measured, got ${entry?.state}`);
  return entry;
}

describe('gpu bench on the double of the kernel', () => {
  it('writes times, work, check and settings, and prints a table', () =>
    inFolder(async (folder) => {
      const out = join(folder, 'bench.json');
      const { code, out: text } = await bench('', '--baseline', 'none', '--out', out);
      expect(code).toBe(0);
      expect(text).toMatch(/^40\/64\/128\/8\/2 +1 +64x256 +0\.5000 /m);
      const file = JSON.parse(readFileSync(out, 'utf8')) as BenchFile;
      expect(file).toMatchObject({ version: 1, emulated: false, torch: null });
      expect(file.peaks.tensorTflops).toBeCloseTo(780, 1);
      const { result, baseline } = onlyEntry(file);
      expect(baseline).toBeNull();
      expect(result).toMatchObject({ operations: 1, tracing: null, tile: { rows: 64, cols: 256 } });
      expect(result.timings.on).toBeNull();
      expect(result.timings.off?.events.samples).toEqual([0.5, 0.5, 0.5, 0.5]);
      // 40 tokens, two choices each: 80 rows of 4 H I.
      expect(result.roofline.flop).toBe(80 * 4 * 64 * 128);
      expect(result.check).toMatchObject({ relativeError: 0.002, unwritten: 0, problems: [] });
    }));

  it('takes the slowest rank of several, and asks no baseline for them', () =>
    inFolder(async (folder) => {
      const python = torchDouble(folder);
      const { code, out } = await bench('', '--ranks', '2', '--python', python, '--json');
      expect(code).toBe(0);
      expect(existsSync(`${python}.orders`)).toBe(false);
      const { result, baseline } = onlyEntry(JSON.parse(out) as BenchFile);
      expect(baseline).toBeNull();
      expect(result.ranks).toBe(2);
      expect(result.timings.off?.events.median).toBe(0.75);
      expect(result.roofline.flop).toBe(2 * 80 * 4 * 64 * 128);
      expect(doubles!.daemons()).toEqual([]);
    }));

  it('compares tracing on with off in the same launches', async () => {
    const { out } = await bench('', '--baseline', 'none', '--trace', 'both', '--json');
    const { result } = onlyEntry(JSON.parse(out) as BenchFile);
    expect(result.timings.on?.gpu.samples).toHaveLength(4);
    expect(result.timings.off?.gpu.samples).toHaveLength(4);
    const none = { cost: 0, plusMinus: 0 };
    expect(result.tracing).toEqual({ events: none, gpu: none });
  });

  it('compares tracing off with a library that cannot trace', async () => {
    const { library } = gpuDoubles('');
    const args = ['--baseline', 'none', '--untraced-library', library, '--json'];
    const { result } = onlyEntry(JSON.parse((await bench('', ...args)).out) as BenchFile);
    expect(result.untraced?.timings.events.samples).toHaveLength(4);
    expect(result.untraced?.offCosts.gpu).toEqual({ cost: 0, plusMinus: 0 });
    // The last timed output and that of each copy, of both libraries.
    expect(result.check.outputs).toBe(2 * (1 + result.copies));
  });

  it('counts trace records that found their ring full', async () => {
    const { out } = await bench('overflow', '--baseline', 'none', '--trace', 'on');
    expect(out).toContain('5 trace records found their ring full');
  });

  it('exits 1 and says what was wrong when an output is', async () => {
    const { code, out } = await bench('wrong-output', '--baseline', 'none');
    expect(code).toBe(1);
    expect(out).toContain('WRONG: relative error 0.5 over 0.01');
  });

  it('goes on after a layer that failed', async () => {
    const more = ['--shape', '8/64/64/4/1', '--baseline', 'none'];
    const { code, out } = await bench('fail:kt_launch', ...more);
    expect(code).toBe(1);
    expect(out).toMatch(/^40\/64\/128\/8\/2 +1 +failed$/m);
    expect(out).toMatch(/^8\/64\/64\/4\/1 +1 +failed$/m);
    expect(out).toContain(
      'RANK_FAILED: rank 0, warm-up: kt_launch (CUDA_ERROR): double: asked to fail',
    );
  });

  it('stops with exit code 2 where there is no GPU', async () => {
    const { code, err } = await bench('no-gpu', '--baseline', 'none');
    expect(code).toBe(2);
    expect(err).toContain('NO_GPU');
  });

  it('leaves what it has no time for, and names it', async () => {
    const more = ['--shape', '8/64/64/4/1', '--baseline', 'none', '--seconds', '1', '--json'];
    const { code, out } = await bench('', ...more);
    expect(code).toBe(0);
    const states = (JSON.parse(out) as BenchFile).entries.map(({ state }) => state);
    expect(states).toEqual(['no time left', 'no time left']);
  });

  it('keeps finished layers when it is interrupted', () =>
    inFolder(async (folder) => {
      doubles = gpuDoubles('');
      const file = join(folder, 'bench.json');
      const interrupt = new AbortController();
      let said = '';
      const more = ['--shape', '8/64/64/4/1', '--baseline', 'none', '--out', file];
      const code = await runCli(['gpu', 'bench', '--library', doubles.library, ...small, ...more], {
        out: () => {},
        err: (text) => {
          said += text;
          if (text.includes('40/64/128/8/2')) setImmediate(() => interrupt.abort());
        },
        interactive: false,
        signal: interrupt.signal,
        env: {},
      });
      expect(code).toBe(130);
      expect(said).toContain('1 layers were finished');
      const { entries } = JSON.parse(readFileSync(file, 'utf8')) as BenchFile;
      expect(entries.map(({ name, state }) => [name, state])).toEqual([
        ['40/64/128/8/2', 'measured'],
      ]);
    }));
});

describe("gpu bench's PyTorch", () => {
  it('gets the same layer and stands beside ours', () =>
    inFolder(async (folder) => {
      const python = torchDouble(folder);
      const { code, out } = await bench('', '--python', python, '--activation', 'silu', '--json');
      expect(code).toBe(0);
      const order: unknown = JSON.parse(readFileSync(`${python}.orders`, 'utf8'));
      const layer = { tokens: 40, hidden: 64, intermediate: 128, experts: 8, topK: 2 };
      expect(order).toMatchObject({
        ...layer,
        activation: 'silu',
        renormalise: false,
        launches: 4,
      });
      const file = JSON.parse(out) as BenchFile;
      expect(file.torch?.torch).toBe('0.0 double');
      expect(onlyEntry(file).baseline).toMatchObject({ events: { median: 2 }, operations: 20 });
    }));

  it('is missed before anything runs', () =>
    inFolder(async (folder) => {
      const { code, err } = await bench('', '--python', torchDouble(folder, 'refuse'));
      expect(code).toBe(2);
      expect(err).toContain(
        '--baseline torch: no PyTorch, says the double; name one with --python',
      );
      expect(doubles!.journal()).toEqual([]);
    }));

  it('need not be Python at all for a clear error', async () => {
    const { code, err } = await bench('', '--python', '/no/such/python');
    expect(code).toBe(2);
    expect(err).toContain('/no/such/python did not start');
  });

  it('that hangs is left behind by Ctrl-C', () =>
    inFolder(async (folder) => {
      const python = torchDouble(folder, 'hang');
      const interrupt = new AbortController();
      const asked = setInterval(() => {
        if (existsSync(`${python}.orders`)) interrupt.abort();
      }, 20);
      doubles = gpuDoubles('');
      const words = ['gpu', 'bench', '--library', doubles.library, ...small, '--python', python];
      const { code, err } = await run(words, { signal: interrupt.signal });
      clearInterval(asked);
      expect(code).toBe(130);
      expect(err).toContain('interrupted: 0 layers were finished, nothing was written');
    }));

  it.each([
    ['fail', 'torch: out of memory, says the double'],
    ['leave', 'torch: the PyTorch baseline:'],
  ])('that does not answer (%s) does not cost our figures', (fault, said) =>
    inFolder(async (folder) => {
      const { code, out } = await bench('', '--python', torchDouble(folder, fault));
      expect(code).toBe(0);
      expect(out).toContain(said);
      expect(out).toMatch(/ 0\.5000 /);
    }),
  );
});

describe('gpu bench refuses', () => {
  it.each([
    ['a shape of four numbers', ['--shape', '8/64/64/4'], /--shape: expected S\/H\/I\/E\/k/],
    ['an odd width', ['--shape', '8/65/64/4/1'], /multiples of 64.*got '8\/65\/64\/4\/1'/],
    ['more choices than experts', ['--shape', '8/64/64/4/5'], /k from 1 to 8 and at most E/],
    ['a tile without columns', ['--tile', '64'], /--tile: expected ROWSxCOLS/],
    ['a tile of odd rows', ['--tile', '60x64'], /--tile: expected ROWSxCOLS/],
    [
      'no launches',
      ['--launches', '0'],
      /--launches: expected an integer from 1 to 10000, got '0'/,
    ],
    [
      'words for ranks',
      ['--ranks', '1,two'],
      /--ranks: expected an integer from 1 to 64, got 'two'/,
    ],
    ['more ranks than experts', ['--ranks', '9'], /at most the 8 experts of a layer, got 9/],
    ['GPUs that do not divide', ['--ranks', '3', '--gpus', '2'], /divides 3 ranks evenly, got 2/],
    [
      'an untraced library on several ranks',
      ['--untraced-library', 'x', '--ranks', '2'],
      /--untraced-library: expected one rank/,
    ],
    ['an unknown machine', ['--machine', 'b200'], /machine: expected one of h200/],
    ['a limit that is no number', ['--seconds', 'soon'], /--seconds: expected an integer/],
  ])('%s', async (_, args, message) => {
    const { code, err } = await bench('', '--baseline', 'none', ...args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
