import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { GpuRunError } from '../../../sim/gpu/errors.ts';
import { gpuInfo } from '../../../sim/gpu/gpu-info.ts';
import type { GpuRunOptions } from '../../../sim/gpu/record.ts';
import { runOnGpu } from '../../../sim/gpu/run-on-gpu.ts';
import { routeTokens } from '../../../sim/moe/routing.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { type GpuDoubles, gpuDoubles } from '../../support/gpu-doubles.ts';
import { runScenario } from '../../support/run-scenario.ts';

let doubles: GpuDoubles | undefined;
afterEach(() => doubles?.restore());

const mpsFolders = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('kt-mps-'));

/** Runs a small scenario on the kernel's double with a fault. */
async function run(
  fault: string,
  options: GpuRunOptions = {},
  set: Readonly<Record<string, string>> = {},
  mps = '',
): Promise<Trace> {
  doubles = gpuDoubles(fault, mps);
  return runOnGpu(runScenario(set), { library: doubles.library, ...options });
}

async function failure(...args: Parameters<typeof run>): Promise<GpuRunError> {
  try {
    await run(...args);
  } catch (error) {
    if (error instanceof GpuRunError) return error;
    throw error;
  }
  throw new Error('expected the run to fail');
}

describe('a run on the GPU', () => {
  it('gives a trace that says what it is', async () => {
    const before = mpsFolders();
    const { header, events } = await run('', { warmUps: 3 });
    expect(header.source).toBe('gpu');
    expect(header.producer.version).toBe('kernel double');
    expect(header.producer.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(header.firstLaunch).toBe(3);
    expect(header.launches).toBe(2);
    expect(header.ranks).toEqual([
      { blocks: 4, subscribers: 1 },
      { blocks: 4, subscribers: 1 },
    ]);
    expect(header.rows).toEqual(routeTokens(runScenario()).rows);
    expect(header.lostEvents).toEqual([0, 0]);
    expect(header.launchMs).toEqual([0.75, 0.75]);
    expect(header.machine.name).toBe('double of a GPU');
    expect(header.clock.residualNs.sameRank).toBeGreaterThan(0);
    // Two launches, two ranks, five rings of two records.
    expect(events.time.length).toBe(40);
    expect(new Set(events.launch)).toEqual(new Set([3, 4]));
    expect(doubles!.journal().map((line) => line.split(' ')[0])).toEqual(['start', 'quit']);
    expect(doubles!.daemons()).toEqual([]);
    expect(mpsFolders()).toEqual(before);
  });

  it('counts events that full rings lost', async () => {
    const { header } = await run('overflow');
    // Each of five rings holds one of two records, in both launches.
    expect(header.lostEvents).toEqual([10, 10]);
  });

  it('needs no MPS when no two ranks share a GPU', async () => {
    const trace = await run('', {}, { 'world.gpus': '2' }).catch((error: unknown) => error);
    expect(doubles!.journal()).toEqual([]);
    // The double's rings hold no signals, so two GPUs cannot be aligned: said, not guessed.
    expect(String(trace)).toContain('their clocks cannot be aligned');
  });

  it('tells what the machine has', async () => {
    doubles = gpuDoubles();
    const info = await gpuInfo({ library: doubles.library });
    expect(info.library).toBe('kernel double');
    expect(info.devices.map((d) => [d.device, d.sms])).toEqual([
      [0, 132],
      [1, 132],
    ]);
  });
});

describe('a run on the GPU that fails', () => {
  it('names a rank that died, the phase, its exit code and its last words', async () => {
    const error = await failure('die:kt_launch:1');
    expect(error.code).toBe('RANK_DIED');
    expect(error.message).toContain('rank 1, warm-up 0: its process ended with exit code 77');
    expect(error.details).toContain('double: about to die in kt_launch');
    expect(doubles!.daemons()).toEqual([]);
  });

  it('names a rank that hangs, and the phase', async () => {
    const error = await failure('hang:kt_fill:1', { timeouts: { fill: 300 } });
    expect(error.code).toBe('TIMEOUT');
    expect(error.message).toContain('rank 1, fill: no answer within 0.3 s');
    expect(doubles!.daemons()).toEqual([]);
  });

  it('ends a launch that is stuck and tells the state of its protocol', async () => {
    const error = await failure('stuck:kt_launch:0', { timeouts: { launch: 300 } });
    expect(error.code).toBe('TIMEOUT');
    expect(error.message).toContain('rank 0, warm-up 0: no answer within 0.3 s');
    expect(error.details).toContain('double: doorbells all free');
  });

  it('tells the state of the protocol when a launch ended itself', async () => {
    const error = await failure('abort:kt_launch:1');
    expect(error.code).toBe('ABORTED');
    expect(error.message).toContain('rank 1, warm-up 0: kt_launch (ABORTED): deadline passed');
    expect(error.details).toContain('rank 1, protocol state:\ndouble: doorbells all free');
  });

  it('passes on what the library said', async () => {
    const error = await failure('fail:kt_join:1');
    expect(error.code).toBe('RANK_FAILED');
    expect(error.message).toContain('rank 1, join: kt_join (CUDA_ERROR): double: asked to fail');
  });

  it('refuses a result that differs from the reference', async () => {
    const output = await failure('wrong-output:kt_check:1');
    expect(output.code).toBe('WRONG_RESULT');
    expect(output.message).toContain('launch 0, rank 1: relative error 0.5 over 0.01');
    doubles?.restore();
    const routing = await failure('misroute:kt_launch:0');
    expect(routing.code).toBe('WRONG_RESULT');
    expect(routing.message).toContain(
      'launch 0, rank 0: routing: token 0, choice 0: expected expert',
    );
  });

  it.each([
    ['no-gpu', 'NO_GPU', 'no CUDA driver'],
    ['version', 'API_VERSION', 'build kernel and addon together'],
  ])('says what is missing: %s', async (fault, code, message) => {
    const error = await failure(fault);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect(doubles!.journal()).toEqual([]);
  });

  it('says that the library is missing', async () => {
    const error = await failure('', { library: '/nowhere/libkerneltwin.so' });
    expect(error.code).toBe('NO_KERNEL');
    expect(error.message).toContain('/nowhere/libkerneltwin.so does not exist');
  });

  it('says that MPS did not start, or did not stop', async () => {
    const error = await failure('', {}, {}, 'refuse');
    expect(error.code).toBe('NO_MPS');
    expect(error.message).toContain('2 ranks share a GPU');
    expect(error.message).toContain('Cannot find MPS control daemon process');
  });

  it('refuses more GPUs than the machine has, and policies the kernel has not', async () => {
    const gpus = await failure('', {}, { 'world.ranks': '4', 'world.gpus': '4' });
    expect(gpus.code).toBe('UNSUPPORTED');
    expect(gpus.message).toContain('expected 4 GPUs (world.gpus), this machine shows 2');
    doubles?.restore();
    const policy = await failure('', {}, { policy: 'static' });
    expect(policy.message).toContain(
      "policy: expected one that the kernel's scheduler knows (fifo, gemm1-first, interleave), got 'static'",
    );
  });

  const pairs = { 'world.gemm': 'wgmma', 'tiles.rows': '72', 'tiles.cols': '192' };

  it('tells how many processors its blocks are, where they are pairs', async () => {
    const { header } = await run('', {}, { ...pairs, 'world.blocks': '6' });
    expect(header.ranks).toEqual([
      { blocks: 6, processors: 2, subscribers: 1 },
      { blocks: 6, processors: 2, subscribers: 1 },
    ]);
  });

  it('refuses a kernel whose pairs are no processors', async () => {
    const error = await failure('alone', {}, { ...pairs, 'world.blocks': '6' });
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.message).toBe(
      'run: kernel library: expected 2 blocks of a processor with tiles of 72 x 192, it has 1',
    );
  });

  it('refuses pairs of fp16 before it starts anything', async () => {
    const error = await failure('', {}, { ...pairs, 'model.dtype': 'fp16' });
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.message).toBe(
      'run: model.dtype: expected bf16, as wgmma has a pair of blocks for each processor of tiles ' +
        'over 64 x 128 and builds pairs for bf16 alone, got fp16',
    );
    expect(doubles!.journal()).toEqual([]);
  });

  it('ends when its caller says so, with nothing left behind', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1500);
    const error = await failure('hang:kt_fill:0', { signal: controller.signal });
    expect(error.code).toBe('INTERRUPTED');
    expect(doubles!.daemons()).toEqual([]);
  });
});
