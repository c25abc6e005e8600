import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The program as a user starts it: another process, real pipes, real signals. */
const program = join('sim', 'cli', 'main.ts');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kerneltwin-e2e-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(args: readonly string[]): Promise<Ended> {
  return ended(spawn(process.execPath, args));
}

function kerneltwin(...args: string[]): Promise<Ended> {
  return start([program, ...args]);
}

function ended(child: ChildProcess): Promise<Ended> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (text: Buffer) => {
    out += text.toString();
  });
  child.stderr?.on('data', (text: Buffer) => {
    err += text.toString();
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

describe('the program', { timeout: 120_000 }, () => {
  it('runs the whole way: simulate, check, compare, report', async () => {
    const trace = join(folder, 'small.ktrace.parquet');
    expect(await kerneltwin('simulate', 'scenarios/small.yaml', '--trace', trace)).toMatchObject({
      code: 0,
      err: '',
    });
    expect((await kerneltwin('check', trace)).code).toBe(0);
    expect((await kerneltwin('compare', trace, trace)).out).toContain('same work: ');
    const run = join(folder, 'run');
    const twin = await kerneltwin('twin', 'scenarios/small.yaml', '--out', run, '--json');
    expect(twin).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(twin.out)).toMatchObject({ clean: true, scenario: { name: 'small' } });
    const page = readFileSync(join(run, 'report.html'), 'utf8');
    expect(page).toContain('<!doctype html>');
    expect((await kerneltwin('report', run)).code).toBe(0);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toBe(page);
  });

  it('ends with 2 on unusable input, without a stack', async () => {
    const { code, out, err } = await kerneltwin('check', 'package.json');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^package\.json: .*expected a Parquet file/);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('stops on Ctrl-C and leaves complete files or none', async () => {
    const trace = join(folder, 'long.ktrace.parquet');
    const args = ['simulate', 'scenarios/small.yaml', '--set', 'launches=20000', '--trace', trace];
    const child = spawn(process.execPath, [program, ...args]);
    const result = ended(child);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    child.kill('SIGINT');
    const { code, err } = await result;
    expect(code).toBe(130);
    expect(err).toMatch(/^interrupted /);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
    // Before the first launch has ended there is nothing to keep; after it the trace is whole.
    const checked = existsSync(trace) ? await kerneltwin('check', trace) : { code: 0 };
    expect(checked.code).toBe(0);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const child = spawn(process.execPath, [program, 'schema']);
    child.stdout.destroy();
    const { code, err } = await ended(child);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('prints no progress and no colour into a pipe', async () => {
    const { out, err } = await kerneltwin('simulate', 'scenarios/small.yaml');
    expect(out + err).not.toContain('\u001b');
  });
});

describe('verify', { timeout: 120_000 }, () => {
  it('runs a suite of properties with the runs and seed given', async () => {
    const ran = await kerneltwin('verify', '--suite', 'routing', '--runs', '3', '--seed', '7');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toMatch(/routing +[1-9]\d* +0 /);
  });
});

describe('the compiled package', { timeout: 120_000 }, () => {
  it('does the main job too', async () => {
    const dist = join('build', 'e2e');
    const compiler = join('node_modules', '@typescript', 'native', 'bin', 'tsc');
    const info = join(dist, 'tsbuildinfo');
    const args = ['-p', 'tsconfig.build.json', '--outDir', dist, '--tsBuildInfoFile', info];
    rmSync(dist, { recursive: true, force: true });
    expect(await start([compiler, ...args])).toMatchObject({ code: 0, out: '' });
    const main = join(dist, 'sim', 'cli', 'main.js');
    const twin = await start([main, 'twin', 'scenarios/small.yaml', '--out', folder]);
    expect(twin).toMatchObject({ code: 0, err: '' });
    expect(existsSync(join(folder, 'report.html'))).toBe(true);
  });
});
