import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { recordOnGpu } from '../../../sim/gpu/record.ts';
import { type GpuDoubles, gpuDoubles, runs } from '../../support/gpu-doubles.ts';
import { runScenario } from '../../support/run-scenario.ts';

let doubles: GpuDoubles | undefined;
afterEach(() => doubles?.restore());

/** Processes of this project's run that descend from `ancestor`, by command line. */
function descendants(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]));
    } catch {
      // It ended meanwhile.
    }
  }
  const below = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === ancestor || below(parent));
  };
  return [...parents.keys()].filter(below);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (holds()) return;
    await sleep(50);
  }
  throw new Error(`still not after 10 s: ${what}`);
}

/** A run that hangs in its first phase on the GPU, in a process of its own. */
async function hungRun(): Promise<{ run: ChildProcess; ranks: number[] }> {
  doubles = gpuDoubles('hang:kt_fill');
  const run = spawn(process.execPath, ['tests/support/hold-a-run.ts', doubles.library], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  run.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until('ranks joined', () => said.includes('ranks joined'));
  return { run, ranks: descendants(run.pid ?? 0) };
}

describe('a run whose MPS daemon does not quit', () => {
  it('keeps the recording, kills the daemon and warns', async () => {
    doubles = gpuDoubles('', 'stubborn');
    const recording = await recordOnGpu(runScenario(), { library: doubles.library });
    expect(recording.launches.length).toBe(2);
    expect(recording.warnings.length).toBe(1);
    expect(recording.warnings[0]).toMatch(
      /^the MPS daemon did not stop: processes \d+ were killed; quit said/,
    );
    expect(doubles.daemons()).toEqual([]);
  });
});

// Needs /proc to see other processes.
describe.runIf(process.platform === 'linux')('a run whose process is ended from outside', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    '%s leaves no rank and no MPS daemon',
    async (signal) => {
      const { run, ranks } = await hungRun();
      // Two ranks and the daemon's guard.
      expect(ranks.length).toBeGreaterThanOrEqual(3);
      expect(doubles!.daemons().length).toBe(1);
      run.kill(signal);
      await until('ranks and guard are gone', () => !ranks.some(runs));
      await until('the daemon is gone', () => doubles!.daemons().length === 0);
      expect(doubles!.journal().at(-1)).toBe('quit');
    },
  );
});
