import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryPath } from './entry.ts';
import { GpuRunError, type GpuRunErrorCode } from './errors.ts';
import type { Answer, Failure, RankCall, RankCalls, Request } from './messages.ts';
import { OutputTail } from './output-tail.ts';

interface Waiting {
  readonly phase: string;
  readonly timer: NodeJS.Timeout;
  resolve(value: unknown): void;
  reject(error: GpuRunError): void;
}

/** How long a finished rank may take to end, and a killed one to be gone. */
const endMs = 10_000;

/** How long to read on from a process that ended. */
const lastWordsMs = 500;

/** Codes of the binding that say what is missing; all others are a failed call. */
const missing: ReadonlySet<string> = new Set(['NO_ADDON', 'NO_KERNEL', 'API_VERSION', 'NO_GPU']);

/**
 * One rank's process, seen from the parent. Every call ends: with an answer, a timeout, or the process's death. After
 * a timeout the process is in an unknown state and only good to be killed.
 */
export class RankProcess {
  readonly rank: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #output = new OutputTail();
  readonly #gone: Promise<void>;
  #death: string | undefined;
  #calls = 0;

  constructor(rank: number, env: NodeJS.ProcessEnv) {
    this.rank = rank;
    this.#child = fork(entryPath('rank-main'), [], {
      env,
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const { stdout, stderr } = this.#child;
    this.#output.follow(stdout);
    this.#output.follow(stderr);
    this.#child.on('message', (answer: Answer) => this.#settle(answer));
    this.#gone = new Promise((gone) => {
      this.#child.once('error', (error) => this.#died(`did not start: ${error.message}`, gone));
      this.#child.once('exit', (code, signal) => {
        const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        // Not the event `close`: it never comes after a disconnect. Its last words are worth a moment all the same.
        const said = Promise.all([ended(stdout), ended(stderr)]);
        void Promise.race([said, sleep(lastWordsMs)]).then(() => this.#died(how, gone));
      });
    });
  }

  /** Last lines the process wrote. */
  get output(): string {
    return this.#output.text();
  }

  /** Makes one request; `phase` names it in errors. Rejects with GpuRunError only. */
  call<C extends RankCall>(
    phase: string,
    call: C,
    argument: RankCalls[C]['argument'],
    timeoutMs: number,
  ): Promise<RankCalls[C]['answer']> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) return reject(this.#deathError(phase));
      const id = this.#calls++;
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        const message = `rank ${this.rank}, ${phase}: no answer within ${timeoutMs / 1000} s`;
        reject(new GpuRunError('TIMEOUT', message, this.output));
      }, timeoutMs);
      this.#waiting.set(id, { phase, timer, resolve, reject });
      const request: Request = { id, call, argument };
      // A failed send is followed by the process's end, which settles the call.
      this.#child.send(request, () => {});
    });
  }

  /** Lets a rank end that gave everything back; kills it when it does not. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#within(endMs);
    await this.kill();
  }

  /** Kills the process and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#death === undefined) this.#child.kill('SIGKILL');
    await this.#within(endMs);
  }

  async #within(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#gone, late]);
    clearTimeout(timer);
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if (answer.ok) waiting.resolve(answer.value);
    else waiting.reject(this.#failureError(waiting.phase, answer.failure));
  }

  #died(how: string, gone: () => void): void {
    this.#death ??= how;
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#deathError(waiting.phase));
    }
    this.#waiting.clear();
    gone();
  }

  #deathError(phase: string): GpuRunError {
    const message = `rank ${this.rank}, ${phase}: its process ${this.#death ?? 'is gone'}`;
    return new GpuRunError('RANK_DIED', message, this.output);
  }

  #failureError(phase: string, failure: Failure): GpuRunError {
    const message = `rank ${this.rank}, ${phase}: ${failure.message}`;
    return new GpuRunError(codeOf(failure), message, this.output);
  }
}

async function ended(stream: Readable | null): Promise<void> {
  if (stream !== null && !stream.readableEnded) await once(stream, 'end');
}

function codeOf(failure: Failure): GpuRunErrorCode {
  if (failure.status === 'ABORTED') return 'ABORTED';
  if (failure.status === 'UNSUPPORTED') return 'UNSUPPORTED';
  return missing.has(failure.code ?? '') ? (failure.code as GpuRunErrorCode) : 'RANK_FAILED';
}
