import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BenchFile } from '../../sim/cli/bench-file.ts';
import { buildEmulator, emulatorProgram } from '../support/emulated-kernel.ts';
import { torchDouble } from '../support/torch-double.ts';

let folder = '';

/** The benchmark as the command line runs it, the kernel's own code on the emulated GPU under it: all but the times is real. */
function bench(...args: string[]): {
  code: number | null;
  out: string;
  err: string;
  file: BenchFile;
} {
  const out = join(folder, 'bench.json');
  const words = ['gpu', 'bench', '--launches', '2', '--warmup', '1', '--out', out, ...args];
  const run = spawnSync(process.execPath, [join('sim', 'cli', 'main.ts'), ...words], {
    encoding: 'utf8',
    timeout: 280_000,
    env: { ...process.env, KERNELTWIN_LIBRARY: emulatorProgram('libkerneltwin.so') },
  });
  const file = JSON.parse(readFileSync(out, 'utf8')) as BenchFile;
  return { code: run.status, out: run.stdout, err: run.stderr, file };
}

describe('gpu bench on the emulated GPU', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kerneltwin-bench-'));
    buildEmulator('libkerneltwin.so');
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('holds every copy against fp64 and claims no time', () => {
    const shapes = ['--shape', '40/128/192/4/2', '--shape', '5/64/64/8/3'];
    const python = ['--python', torchDouble(folder)];
    const { code, out, file } = bench(...shapes, ...python, '--trace', 'both');
    expect({ code, out }).toMatchObject({ code: 0 });
    expect(out).toContain('the library ran on the emulated GPU');
    expect(file.emulated).toBe(true);
    expect(file.entries).toHaveLength(2);
    for (const entry of file.entries) {
      if (entry.state !== 'measured') throw new Error(`${entry.name}: ${entry.state}`);
      const { check, operations, roofline, copies } = entry.result;
      // The last timed output, and one of each copy with tracing off and on.
      expect(check.outputs).toBe(1 + 2 * copies);
      expect(check.rowsJudged).toBe(check.outputs * entry.result.layer.tokens);
      expect(check).toMatchObject({ unwritten: 0, notFinite: 0, lostRecords: 0, problems: [] });
      expect(check.relativeError).toBeGreaterThan(0);
      expect(check.relativeError).toBeLessThan(1e-2);
      expect(operations).toBe(1);
      const { tokens, topK, hidden, intermediate } = entry.result.layer;
      expect(roofline.flop).toBe(tokens * topK * 4 * hidden * intermediate);
      expect(entry.baseline).toMatchObject({ way: 'double' });
    }
    // Nothing was timed, so there is nothing to be faster than.
    expect(out).not.toMatch(/Infinity|NaN/);
  }, 300_000);

  test('runs on mma.sync and with another tile too', () => {
    const shape = ['--shape', '24/64/128/4/1', '--baseline', 'none'];
    for (const path of [
      ['--gemm', 'mma'],
      ['--tile', '64x256', '--activation', 'gelu'],
    ]) {
      expect(bench(...shape, ...path, '--renormalise')).toMatchObject({ code: 0 });
    }
  }, 300_000);
});
