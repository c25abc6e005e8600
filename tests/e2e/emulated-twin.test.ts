import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildEmulator, emulatorProgram } from '../support/emulated-kernel.ts';

/**
 * The live path of the twin without a GPU: the command line starts the real library through the addon, one process a rank,
 * on the emulated GPU, and judges and compares the trace that the kernel's own code leaves.
 */
const scenario = `
description: one rank small enough to emulate
world: { ranks: 1, gpus: 1, machine: h200 }
model: { tokens: 40, hidden: 128, intermediate: 192, experts: 4, topK: 2 }
tiles: { rows: 128, cols: 128 }
routing: { kind: zipf, exponent: 1 }
launches: 2
seed: 3
`;

let folder = '';
let file = '';

function kerneltwin(...args: string[]): { code: number | null; out: string; err: string } {
  const run = spawnSync(process.execPath, [join('sim', 'cli', 'main.ts'), ...args], {
    encoding: 'utf8',
    timeout: 200_000,
    env: { ...process.env, KERNELTWIN_LIBRARY: emulatorProgram('libkerneltwin.so') },
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
}

describe('the live twin on the emulated GPU', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kerneltwin-live-'));
    file = join(folder, 'tiny.yaml');
    writeFileSync(file, scenario);
    buildEmulator('libkerneltwin.so');
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('records the kernel, finds its trace clean and the work the same, and calls it no measurement', () => {
    const run = join(folder, 'run');
    const twin = kerneltwin('twin', file, '--live', '--out', run);
    expect(twin).toMatchObject({ code: 0 });
    expect(twin.out).toContain('trace of the emulated GPU, not a measurement of a GPU');
    expect(twin.out).toMatch(/same work: \d+ tasks of 2 launches ran on both, each once/);
    expect(twin.out).toMatch(/checks, emulated GPU: \d+ held/);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('emulated GPU');
  }, 300_000);

  test('its trace judges like any other', () => {
    const trace = join(folder, 'tiny.ktrace.parquet');
    expect(kerneltwin('gpu', 'run', file, '--trace', trace)).toMatchObject({ code: 0 });
    const found = JSON.parse(kerneltwin('check', trace, '--json').out) as {
      clean: boolean;
      monitors: { id: string; verdict: string }[];
    };
    expect(found.clean).toBe(true);
    expect(found.monitors.filter(({ verdict }) => verdict === 'violated')).toEqual([]);
  }, 300_000);
});
