import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildEmulator,
  type EmulatorTarget,
  emulatorProgram,
} from '../../support/emulated-kernel.ts';

/** Lines of a test program's output that do not say PASS, without its greeting; its last line is the tally. */
function failures(target: EmulatorTarget, words: readonly string[]): string[] {
  const run = spawnSync(emulatorProgram(target), words, { encoding: 'utf8', timeout: 200_000 });
  const lines = `${run.stdout}${run.stderr}`.trim().split('\n');
  const tally = lines.pop() ?? '';
  const bad = lines.filter((line) => !/^(PASS|rank 0 sees) /.test(line));
  return run.status === 0 && /^[1-9]\d* passed, 0 failed$/.test(tally) ? bad : [...bad, tally];
}

describe('the fused kernel on the emulated GPU', () => {
  beforeAll(() => buildEmulator('emulator_test'), 240_000);

  test('gives the same bits under every interleaving, and ends when a peer never launches', () => {
    expect(failures('emulator_test', ['--seeds', '2'])).toEqual([]);
  }, 240_000);
});

describe('the kernel library on the emulated GPU', () => {
  beforeAll(() => buildEmulator('gpu_cases'), 240_000);

  test.each([
    'smallest',
    'one row an expert',
    'the same bits',
    'hot expert with drops',
    '8-row blocks',
    'swiglu, smallest',
    'fp16, narrow',
    'fp16, swiglu',
    'geglu, narrow',
    'swiglu, tiles of 192 x 128',
    'tiles of 64 x 128',
    'tiles of 288 x 64',
    'tiles of 64 x 256',
    'tiles of 64 x 192',
    'pairs, ',
  ])(
    'passes its own GPU case, both GEMM paths where they have it, fp64 reference included: %s',
    (name) => {
      expect(failures('gpu_cases', ['--match', name])).toEqual([]);
    },
    240_000,
  );
});
