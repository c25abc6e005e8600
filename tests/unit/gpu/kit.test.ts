import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixtures } from '../../../sim/gpu/kit/fixtures.ts';
import { recordOnGpu } from '../../../sim/gpu/record.ts';
import { readRecording, writeRecording } from '../../../sim/gpu/recording-file.ts';
import { traceOf } from '../../../sim/gpu/run-on-gpu.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import { encodeTrace, readTrace } from '../../../sim/trace/store.ts';
import { type GpuDoubles, gpuDoubles } from '../../support/gpu-doubles.ts';
import { runScenario } from '../../support/run-scenario.ts';

let doubles: GpuDoubles | undefined;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kt-test-kit-'));
});
afterEach(() => {
  doubles?.restore();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program of the kit with the double of the kernel library. */
function program(fault: string, ...args: string[]): { code: number | null; said: string } {
  doubles = gpuDoubles(fault);
  const env = { ...process.env, KERNELTWIN_LIBRARY: doubles.library };
  const ran = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 60_000 });
  return { code: ran.status, said: `${ran.stdout}${ran.stderr}` };
}

describe('the list of fixtures', () => {
  it.each(fixtures)('$name is a scenario that the kernel can run', ({ scenario, set }) => {
    const { policy, world } = loadScenario(join('scenarios', scenario), set);
    expect(policy).toBe('fifo');
    expect(world.gpus).toBe(1);
  });

  it('has 1, 2, 4 and 8 ranks, each name once', () => {
    const ranks = fixtures.map(
      (f) => loadScenario(join('scenarios', f.scenario), f.set).world.ranks,
    );
    expect(new Set(ranks)).toEqual(new Set([1, 2, 4, 8]));
    expect(new Set(fixtures.map((f) => f.name)).size).toBe(fixtures.length);
  });
});

describe('recording one fixture', () => {
  const one = (fault: string, ...args: string[]): { code: number | null; said: string } =>
    program(fault, 'sim/gpu/kit/record-one.ts', join(folder, 'one'), ...args);

  it('writes trace and outcome', async () => {
    const { code } = one('', 'scenarios/small.yaml', 'launches=1');
    expect(code).toBe(0);
    const trace = await readTrace(join(folder, 'one.ktrace.parquet'));
    expect(trace.header.launches).toBe(1);
    const outcome: unknown = JSON.parse(readFileSync(join(folder, 'one.json'), 'utf8'));
    expect(outcome).toMatchObject({ launchMs: [[0.5, 0.75]], problems: [], lostEvents: [0, 0] });
  });

  it('keeps the trace of a run that computed wrongly, and says what was wrong', () => {
    const { code, said } = one('wrong-output', 'scenarios/small.yaml', 'launches=1');
    expect(code).toBe(1);
    expect(said).toContain('launch 0, rank 0: relative error 0.5 over 0.01');
    expect(readdirSync(folder)).toContain('one.ktrace.parquet');
  });

  it('keeps a recording that cannot be made into a trace', () => {
    const { code, said } = one('bad-ring', 'scenarios/small.yaml', 'launches=1');
    expect(code).toBe(1);
    expect(said).toContain('no trace: epoch 2, rank 0, ring 0: record 1: expected a kind');
    expect(readdirSync(folder)).toEqual(['one.json', 'one.recording.gz']);
    doubles?.restore();
    // Interpreting it again needs no GPU and gives the same answer.
    const again = one('no-gpu', '--from', join(folder, 'one.recording.gz'));
    expect(again.said).toContain('no trace: epoch 2, rank 0, ring 0: record 1: expected a kind');
  });

  it('says why there is no recording', () => {
    const { code, said } = one('no-gpu', 'scenarios/small.yaml');
    expect(code).toBe(2);
    expect(said).toContain('NO_GPU: rank 0, device: kt_device_query (NO_GPU): no CUDA driver');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a recording file', () => {
  it('gives the same trace later', async () => {
    doubles = gpuDoubles();
    const recording = await recordOnGpu(runScenario(), { library: doubles.library });
    const file = join(folder, 'kept.gz');
    writeRecording(file, recording);
    expect(encodeTrace(traceOf(readRecording(file)))).toEqual(encodeTrace(traceOf(recording)));
  });

  it('is not just any file', () => {
    const file = join(folder, 'other.gz');
    execFileSync('sh', ['-c', `echo no recording | gzip > ${file}`]);
    expect(() => readRecording(file)).toThrow();
  });
});

describe('packing a kit', () => {
  it('says what is missing', () => {
    const { code, said } = program(
      '',
      'sim/gpu/kit/bundle.ts',
      '--out',
      folder,
      '--library',
      '/nowhere.so',
    );
    expect(code).toBe(2);
    expect(said).toBe('/nowhere.so is missing: run npm run build:kernel (needs nvcc)\n');
  });
});
