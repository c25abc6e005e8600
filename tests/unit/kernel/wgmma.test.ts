import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { GemmPath } from '../../../binding/index.ts';
import { checkTrace } from '../../../sim/check/check-trace.ts';
import { GpuRunError } from '../../../sim/gpu/errors.ts';
import { runOnGpu } from '../../../sim/gpu/run-on-gpu.ts';
import { routeTokens } from '../../../sim/moe/routing.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { buildEmulator, emulatorProgram } from '../../support/emulated-kernel.ts';
import { runScenario } from '../../support/run-scenario.ts';

const library = emulatorProgram('libkerneltwin.so');
const alone = { 'world.ranks': '1' };
const wgmma = { ...alone, 'world.gemm': 'wgmma' };

/** Tiles that a pair of blocks computes, and as many pairs as the emulated GPU holds. */
const pairs = {
  'world.blocks': '6',
  'tiles.rows': '96',
  'tiles.cols': '192',
  'model.hidden': '320',
};

async function refusal(
  set: Readonly<Record<string, string>>,
  gemm: GemmPath = 'wgmma',
): Promise<string> {
  try {
    await runOnGpu(runScenario({ ...alone, 'world.gemm': gemm, ...set }), { library });
  } catch (error) {
    if (error instanceof GpuRunError) return error.message;
    throw error;
  }
  throw new Error('expected a refusal');
}

/** What the promised monitors refute. Work conservation is left out: the emulator's clock counts turns. */
function refuted(trace: Trace): readonly unknown[] {
  const { monitors } = checkTrace(trace);
  const promises = monitors.filter(({ id, promised }) => promised && !id.startsWith('W'));
  return promises.flatMap(({ violations }) => violations);
}

describe('a world whose GEMMs run on wgmma, on the emulated GPU', () => {
  beforeAll(() => buildEmulator('libkerneltwin.so'), 300_000);
  afterEach(() => vi.unstubAllEnvs());

  test.each(['eager', 'lazy'])(
    'has right results and a trace that no monitor refutes: %s',
    async (readiness) => {
      const scenario = runScenario({ ...wgmma, readiness, 'model.hidden': '192' });
      const trace = await runOnGpu(scenario, { library });
      expect(trace.header.ranks).toEqual([{ blocks: 4, subscribers: 11 }]);
      expect(trace.header.machine.facts).toMatchObject({ GEMM: 'wgmma', 'threads a block': 384 });
      expect(refuted(trace)).toEqual([]);
    },
    120_000,
  );

  test('is refused with the put transport', async () => {
    expect(await refusal({ 'world.transport': 'put' })).toContain(
      'gemm: wgmma runs with the direct transport only',
    );
  });

  test('is a launch of clusters where its tile takes a pair of blocks', async () => {
    const scenario = runScenario({ ...wgmma, ...pairs, 'model.tokens': '130', launches: '1' });
    const trace = await runOnGpu(scenario, { library, warmUps: 0 });
    expect(trace.header.rows).toEqual(routeTokens(scenario).rows);
    expect(trace.header.ranks).toEqual([{ blocks: 6, processors: 2, subscribers: 11 }]);
    expect(refuted(trace)).toEqual([]);
  }, 120_000);

  test('is refused as pairs by the kernel too where blocks are no pairs, or there is no room for two', async () => {
    const scenario = runScenario({ ...wgmma, ...pairs });
    for (const blocks of [5, 2]) {
      const odd = { ...scenario, world: { ...scenario.world, blocks } };
      await expect(runOnGpu(odd, { library })).rejects.toThrow(
        `blocks: a processor of these tiles is a pair of blocks; expected an even number from 4, got ${blocks}`,
      );
    }
    vi.stubEnv('KERNELTWIN_EMULATED_SMS', '1');
    expect(await refusal({ ...pairs, 'world.blocks': 'auto' })).toContain(
      'occupancy: 2 blocks on each of 1 SMs; a rank needs 4',
    );
  });

  test('is refused with a tile that none of its builds holds', async () => {
    expect(await refusal({ 'tiles.rows': '184', 'tiles.cols': '320' })).toContain(
      "tile_rows x tile_cols = 184 x 320 fit none of this build's wgmma tiles: 64 x 128, 128 x 128, " +
        '192 x 128, 256 x 128, 288 x 128, 64 x 256, 288 x 256',
    );
  });

  test('is refused with fp16 in a tile, or on a transport, that this build has for bf16 alone', async () => {
    const wide = { 'model.dtype': 'fp16', 'tiles.rows': '64', 'tiles.cols': '192' };
    expect(await refusal(wide)).toContain(
      "fit none of this build's wgmma fp16 tiles: 64 x 128, 256 x 128, 288 x 128",
    );
    const put = { 'model.dtype': 'fp16', 'world.transport': 'put' };
    expect(await refusal(put, 'mma')).toContain(
      'dtype: this build has fp16 with the direct transport only; use transport direct or dtype bf16',
    );
  });

  test('may have a tile that mma has not', async () => {
    const set = { ...alone, 'tiles.rows': '160', 'tiles.cols': '128', 'model.tokens': '170' };
    await expect(runOnGpu(runScenario(set), { library })).rejects.toThrow(
      'larger than the mma tile',
    );
    const scenario = runScenario({ ...set, ...wgmma, launches: '1' });
    const trace = await runOnGpu(scenario, { library, warmUps: 0 });
    expect(trace.header.rows).toEqual(routeTokens(scenario).rows);
  }, 120_000);
});
