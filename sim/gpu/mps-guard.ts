/**
 * Entry of the process that holds a run's MPS daemon: starts it, and stops it when told to or when the run's process is
 * gone, however that ended. The run's folder is its argument; pipe and log folders come in the environment.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuardReport } from './mps.ts';

const folder = process.argv[2] ?? '';
const pipe = process.env['CUDA_MPS_PIPE_DIRECTORY'] ?? '';
const log = process.env['CUDA_MPS_LOG_DIRECTORY'] ?? '';
const program = 'nvidia-cuda-mps-control';
/** Where drivers put it when it is not on the PATH. */
const driverFolders = ['/usr/bin', '/usr/local/nvidia/bin', '/usr/local/cuda/bin'];

/** Seconds MPS waits for clients to end by themselves, and we for the daemon. */
const clientSeconds = 5;
const daemonSeconds = 10;

interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

function find(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  return [...onPath, ...driverFolders]
    .map((f) => join(f, program))
    .find((file) => existsSync(file));
}

function run(file: string, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const timeout = (clientSeconds + 10) * 1000;
    const child = execFile(file, args, { timeout }, (error, stdout, stderr) => {
      resolve({ ok: error === null, text: `${stdout}${stderr}${error?.message ?? ''}`.trim() });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Starts the daemon; resolves when the starting process is done and the daemon is on its own. */
function startDaemon(control: string): Promise<Outcome> {
  return new Promise((resolve) => {
    // No pipes: the daemon would inherit them and hold them open.
    const child = spawn(control, ['-d'], { stdio: 'ignore' });
    child.once('error', (error) => resolve({ ok: false, text: error.message }));
    child.once('exit', (code, signal) =>
      resolve({ ok: code === 0, text: `ended with ${signal ?? code}` }),
    );
  });
}

function report(message: GuardReport): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) return resolve();
    process.send(message, undefined, undefined, () => resolve());
  });
}

function logTail(): string {
  const file = join(log, 'control.log');
  return existsSync(file)
    ? readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('; ')
    : 'no log';
}

/** Whether a process still does anything; one that ended but was not waited for does not. */
function running(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !readFileSync(stat, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** The daemon's and its servers' processes. */
async function processes(control: string): Promise<number[]> {
  const file = join(pipe, `${program}.pid`);
  const daemon = existsSync(file) ? [Number(readFileSync(file, 'utf8').trim())] : [];
  const servers = await run(control, [], 'get_server_list\n');
  const listed = servers.ok ? servers.text.split('\n').map(Number) : [];
  return [...daemon, ...listed].filter((pid) => Number.isInteger(pid) && pid > 1);
}

/** Undefined when all is gone; otherwise what was left and had to be killed. */
async function stop(control: string): Promise<string | undefined> {
  const pids = await processes(control);
  const quit = await run(control, [], `quit -t ${clientSeconds}\n`);
  for (let tenths = 0; tenths < daemonSeconds * 10 && pids.some(running); tenths++) {
    await sleep(100);
  }
  const left = pids.filter(running);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  return left.length === 0
    ? undefined
    : `processes ${left.join(', ')} were killed; quit said: ${quit.text}`;
}

async function hold(): Promise<void> {
  const told = new Promise<void>((resolve) => {
    process.on('message', () => resolve());
    process.on('disconnect', () => resolve());
  });
  const control = find();
  if (control === undefined) {
    rmSync(folder, { recursive: true, force: true });
    return report({
      state: 'failed',
      reason: `${program} is neither on the PATH nor in ${driverFolders.join(', ')}`,
    });
  }
  mkdirSync(pipe, { recursive: true });
  mkdirSync(log, { recursive: true });
  const started = await startDaemon(control);
  if (!started.ok) {
    const reason = `${control} -d failed: ${started.text} (${logTail()})`;
    await stop(control);
    return report({ state: 'failed', reason });
  }
  await report({ state: 'ready' });
  await told;
  const left = await stop(control);
  await report(left === undefined ? { state: 'stopped' } : { state: 'failed', reason: left });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
await hold();
if (process.connected) process.disconnect();
