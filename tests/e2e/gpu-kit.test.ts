import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GpuDoubles, gpuDoubles } from '../support/gpu-doubles.ts';

let doubles: GpuDoubles | undefined;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kt-test-kit-'));
});
afterEach(() => {
  doubles?.restore();
  rmSync(folder, { recursive: true, force: true });
});

const hasXz = spawnSync('sh', ['-c', 'command -v xz']).status === 0;

/** A kit whose archives hold links into this checkout: the same script, packed in no time. */
function linkedKit(testProgram: string): string {
  const stage = join(folder, 'stage');
  const kit = join(folder, 'kit');
  const link = (from: string, to: string): void => {
    mkdirSync(join(stage, to, '..'), { recursive: true });
    symlinkSync(from, join(stage, to));
  };
  const root = process.cwd();
  link(process.execPath, 'bin/node');
  for (const name of [
    'package.json',
    'sim',
    'scenarios',
    'binding',
    'node_modules',
    'build/addon',
  ]) {
    link(join(root, name), name);
  }
  link(join(root, 'kernel/tests/with-mps.sh'), 'kernel/tests/with-mps.sh');
  mkdirSync(join(stage, 'build/kernel/tests'), { recursive: true });
  writeFileSync(join(stage, 'build/kernel/tests/gpu_cases'), testProgram, { mode: 0o755 });
  writeFileSync(join(stage, 'kit.txt'), 'kit of a test\n');
  mkdirSync(kit);
  mkdirSync(join(folder, 'nvshmem/lib'), { recursive: true });
  writeFileSync(join(folder, 'nvshmem/lib/libnvshmem_host.so.3'), '');
  execFileSync('tar', ['-C', stage, '-cJf', join(kit, 'node.tar.xz'), 'bin']);
  execFileSync('tar', ['-C', stage, '--exclude=./bin', '-cJf', join(kit, 'app.tar.xz'), '.']);
  copyFileSync(join(root, 'sim/gpu/kit/run.sh'), join(kit, 'run.sh'));
  return kit;
}

describe.runIf(process.platform === 'linux' && hasXz)("the kit's script", () => {
  function run(
    fault: string,
    testProgram: string,
    ...args: string[]
  ): { code: number | null; said: string } {
    doubles = gpuDoubles(fault);
    const env = {
      ...process.env,
      KERNELTWIN_LIBRARY: doubles.library,
      NVSHMEM_HOME: join(folder, 'nvshmem'),
      TMPDIR: folder,
    };
    const out = join(folder, 'out');
    const words = [join(linkedKit(testProgram), 'run.sh'), out, ...args];
    const ran = spawnSync('bash', words, { env, encoding: 'utf8', timeout: 90_000 });
    return { code: ran.status, said: `${ran.stdout}${ran.stderr}` };
  }

  const passing = '#!/bin/sh\necho "$@ share ${CUDA_MPS_ACTIVE_THREAD_PERCENTAGE:-all}"\n';

  it('tests, records, checks and packs, and leaves nothing behind', () => {
    const { code, said } = run('', passing, '--test-ranks', '1 2', '--fixtures', 'small small-put');
    expect(said).toContain('small: right');
    expect(said).toContain('small-put: right');
    expect(code).toBe(0);
    const out = join(folder, 'out');
    expect(readdirSync(out)).toEqual([
      'kernel-tests.txt',
      'log.txt',
      'summary.json',
      'traces-1.tar',
    ]);
    expect(readFileSync(join(out, 'kernel-tests.txt'), 'utf8')).toBe(
      '--ranks 1 --gemm both --seconds 60 share all\n--ranks 2 --gemm both --seconds 60 share 40\n',
    );
    const packed = execFileSync('tar', ['-tf', join(out, 'traces-1.tar')], { encoding: 'utf8' });
    expect(packed).toContain('small.ktrace.parquet');
    expect(packed).toContain('small-put.check.json');
    expect(doubles!.daemons()).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.startsWith('kt-'))).toEqual([]);
  }, 90_000);

  it('goes on after failures and says so in the end', () => {
    const failing = '#!/bin/sh\necho "3 passed, 1 failed"\nexit 1\n';
    const { code, said } = run(
      'die:kt_launch:1',
      failing,
      '--test-ranks',
      '1',
      '--fixtures',
      'small small-put',
    );
    expect(code).toBe(1);
    expect(said).toContain('exit 1: 3 passed, 1 failed');
    expect(said).toContain('small: failed');
    expect(said).toContain('small-put: failed');
    const log = execFileSync('tar', ['-xOf', join(folder, 'out/traces-1.tar'), 'small.log'], {
      encoding: 'utf8',
    });
    expect(log).toContain('RANK_DIED: rank 1, warm-up 0: its process ended with exit code 77');
  }, 90_000);

  it('stops where there is no GPU', () => {
    const { code, said } = run('no-gpu', passing, '--fixtures', 'none');
    expect(code).toBe(2);
    expect(said).toContain('NO_GPU: rank 0, device');
    expect(existsSync(join(folder, 'out/kernel-tests.txt'))).toBe(false);
  }, 90_000);

  it('refuses an option it does not know', () => {
    const { code, said } = run('', passing, '--fixture', 'small');
    expect(code).toBe(2);
    expect(said).toContain('unknown option --fixture');
  }, 90_000);
});
