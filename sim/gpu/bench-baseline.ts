/** The PyTorch layer that the kernel is compared with, in a process of its own: kernel/bench/torch_moe.py. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Activation } from '../moe/scenario.ts';
import type { Layer } from './bench-layer.ts';
import type { Timing } from './bench-timing.ts';
import { OutputTail } from './output-tail.ts';

/** What PyTorch says of itself. */
export interface BaselineFacts {
  readonly torch: string;
  readonly cuda: string | null;
  readonly gpu: string | null;
}

/** One layer to measure; the names are those of the script's work order. */
export interface BaselineOrder extends Layer {
  readonly activation: Activation;
  readonly renormalise: boolean;
  readonly launches: number;
  readonly warmUps: number;
  readonly copies: number;
  readonly seed: number;
}

export interface BaselineResult {
  /** The fastest way to write the layer, by `events`. */
  readonly way: string;
  readonly events: Timing;
  /** The GPU alone, of the fastest way that does not wait for the GPU in between. */
  readonly gpuWay: string | null;
  readonly gpu: Timing | null;
  /** GPU operations of one forward pass; null: the profiler could not tell, for the reason given. */
  readonly operations: number | null;
  readonly operationsMissing: string | null;
  readonly relativeError: number;
  /** Every way with its median, or why it did not run. */
  readonly ways: Readonly<Record<string, { readonly ms?: number; readonly error?: string }>>;
}

/** A layer that the baseline did not measure, and why. */
export interface BaselineFailure {
  readonly error: string;
}

/** The baseline cannot be had here: no Python, no PyTorch, or it stopped answering. */
export class BaselineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BaselineError';
  }
}

/** PyTorch's start reads some gigabytes of libraries. */
const startMs = 120_000;
const layerMs = 120_000;

export class Baseline {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #output = new OutputTail();
  readonly #ended: Promise<string>;
  facts: BaselineFacts = { torch: '', cuda: null, gpu: null };

  private constructor(python: string, script: string) {
    this.#child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#output.follow(this.#child.stderr);
    this.#child.stdin.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`${python} did not start: ${error.message}`));
      this.#child.once('exit', (code, signal) => resolve(`${python} ended (${signal ?? code})`));
    });
  }

  /**
   * Starts Python and waits until PyTorch is loaded.
   * @throws {BaselineError} saying what is missing
   */
  static async start(python: string, script: string): Promise<Baseline> {
    const baseline = new Baseline(python, script);
    const facts = (await baseline.#answer(startMs)) as BaselineFacts | BaselineFailure;
    if ('error' in facts) {
      await baseline.stop();
      throw new BaselineError(facts.error);
    }
    baseline.facts = facts;
    return baseline;
  }

  /** Measures a layer. @throws {BaselineError} when the process is gone or hangs */
  async measure(order: BaselineOrder): Promise<BaselineResult | BaselineFailure> {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    return (await this.#answer(layerMs)) as BaselineResult | BaselineFailure;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** The next line as JSON, unless the process ends or the time does. */
  async #answer(limitMs: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no answer within ${limitMs / 1000} s`), limitMs);
    });
    const line = this.#lines.next();
    const first = await Promise.race([line, late]);
    clearTimeout(timer);
    if (typeof first === 'string') return this.#failed(first);
    if (first.done === true) return this.#failed(await this.#ended);
    try {
      return JSON.parse(first.value);
    } catch {
      return this.#failed(`expected a line of JSON, got: ${first.value.slice(0, 200)}`);
    }
  }

  #failed(how: string): never {
    const said = this.#output.text();
    throw new BaselineError(`the PyTorch baseline: ${how}${said === '' ? '' : `\n${said}`}`);
  }
}
