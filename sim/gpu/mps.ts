/** A private MPS daemon: without it, processes that share a GPU take turns of milliseconds instead of running at once. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entryPath } from './entry.ts';
import { GpuRunError } from './errors.ts';

/** From the daemon's guard: ready, stopped, or why not. */
export interface GuardReport {
  readonly state: 'ready' | 'stopped' | 'failed';
  readonly reason?: string;
}

export interface MpsDaemon {
  /** What ranks need in their environment to be its clients. */
  readonly env: Readonly<Record<string, string>>;
  /** Stops the daemon and removes its folder; all clients must have ended. Rejects when it did not stop cleanly. */
  stop(): Promise<void>;
}

const startMs = 20_000;
const stopMs = 40_000;

/**
 * Starts a daemon with its own pipe and log folders, so that neither another daemon nor the user's own settings are
 * touched. It is held by a guard process that stops it however this process ends.
 * @param ranksPerGpu each rank gets this share of every GPU's processors
 */
export async function startMps(ranksPerGpu: number): Promise<MpsDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'kt-mps-'));
  const directories = {
    CUDA_MPS_PIPE_DIRECTORY: join(folder, 'pipe'),
    CUDA_MPS_LOG_DIRECTORY: join(folder, 'log'),
  };
  const guard = fork(entryPath('mps-guard'), [folder], {
    detached: true,
    execArgv: [],
    env: { ...process.env, ...directories },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const report = await reportOf(guard, startMs);
  if (report.state !== 'ready') {
    if (guard.connected) guard.disconnect();
    throw new GpuRunError(
      'NO_MPS',
      `${ranksPerGpu} ranks share a GPU, but ${report.reason ?? 'MPS did not start'}`,
    );
  }
  return {
    env: {
      ...directories,
      CUDA_MPS_ACTIVE_THREAD_PERCENTAGE: String(Math.floor(gpuPercent() / ranksPerGpu)),
    },
    stop: async () => {
      const stopped = reportOf(guard, stopMs);
      if (guard.connected) guard.send('stop', () => {});
      const { state, reason } = await stopped;
      if (state === 'stopped') return;
      throw new GpuRunError('NO_MPS', `the MPS daemon did not stop: ${reason ?? state}`);
    },
  };
}

/**
 * Percent of a GPU that the ranks which share it get together. All of it is too much: the shares of 2 or 4 ranks then overlap on
 * some SMs, their blocks are not all resident at once, and every rank waits for a peer that cannot start. 80 held for
 * 2, 4 and 8 ranks on an H200.
 */
function gpuPercent(): number {
  const given = process.env['KERNELTWIN_MPS_PERCENT'];
  if (given === undefined) return 80;
  const percent = Number(given);
  if (Number.isInteger(percent) && percent >= 1 && percent <= 100) return percent;
  throw new GpuRunError('NO_MPS', `KERNELTWIN_MPS_PERCENT: expected 1 to 100, got ${given}`);
}

/** The guard's next report. */
function reportOf(guard: ChildProcess, timeoutMs: number): Promise<GuardReport> {
  return new Promise((resolve) => {
    const settle = (report: GuardReport): void => {
      clearTimeout(timer);
      guard.off('message', settle);
      guard.off('exit', ended);
      resolve(report);
    };
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      settle({
        state: 'failed',
        reason: `the process that holds the MPS daemon ended (${signal ?? code})`,
      });
    };
    const timer = setTimeout(
      () =>
        settle({
          state: 'failed',
          reason: `the MPS daemon gave no answer within ${timeoutMs / 1000} s`,
        }),
      timeoutMs,
    );
    guard.on('message', settle);
    guard.on('exit', ended);
  });
}
