/** Running a scenario on the real kernel: one process a rank, every recorded launch checked against fp64. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type {
  CheckResult,
  DeviceInfo,
  GemmPath,
  LaunchResult,
  WorldInfo,
  WorldOptions,
} from '../../binding/index.ts';
import { capacityOf } from '../moe/capacity.ts';
import { flagCount, heapElements } from '../moe/heap.ts';
import { blocksPerProcessor } from '../moe/pairs.ts';
import { type Routing, routeTokens } from '../moe/routing.ts';
import { gemmOf, type Scenario } from '../moe/scenario.ts';
import { shapeOf } from '../moe/shape-of.ts';
import { GpuRunError } from './errors.ts';
import { gpuInfo } from './gpu-info.ts';
import type { RoutingResult } from './messages.ts';
import { type MpsDaemon, startMps } from './mps.ts';
import { defaultTimeouts, type PhaseTimeouts } from './phases.ts';
import { Ranks } from './ranks.ts';
import type { RingBytes } from './ring.ts';
import { worldOptionsOf } from './world-options.ts';

export interface GpuRunOptions {
  /** Kernel library; default: environment KERNELTWIN_LIBRARY, else build/kernel. */
  readonly library?: string | undefined;
  /** Launches before the recorded ones, with the first launch's tokens. Default 2. */
  readonly warmUps?: number;
  /** Compare every n-th token's output with the fp64 reference; 0: do not compare. Default 1. */
  readonly checkStride?: number;
  /** A launch that runs longer aborts itself. Default 5 s. */
  readonly deadlineMs?: number;
  readonly timeouts?: Partial<PhaseTimeouts>;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
  /** One line a step. */
  readonly onProgress?: (line: string) => void;
}

/** One recorded launch; lists are by rank. */
export interface LaunchRecord {
  /** Launch number (epoch), counted from the first warm-up. */
  readonly epoch: number;
  readonly results: readonly LaunchResult[];
  /** Trace rings as the kernel left them: `[rank][ring]`. */
  readonly rings: readonly (readonly RingBytes[])[];
  readonly routing: readonly RoutingResult[];
  /** Empty when outputs were not compared. */
  readonly checks: readonly CheckResult[];
}

/** Everything a run on the GPU gave. */
export interface GpuRecording {
  readonly scenario: Scenario;
  /** How the kernel multiplied. */
  readonly gemm: GemmPath;
  /** The scenario's own routing, for comparison. */
  readonly routing: Routing;
  readonly libraryVersion: string;
  /** SHA-256 of the library's file. */
  readonly libraryHash: string;
  /** By rank. */
  readonly devices: readonly DeviceInfo[];
  readonly worlds: readonly WorldInfo[];
  readonly launches: readonly LaunchRecord[];
  /** What went wrong after everything was recorded. */
  readonly warnings: readonly string[];
}

/**
 * Records a scenario's launches. Starts and stops whatever it needs; on failure all ranks are gone when it rejects.
 * @throws {GpuRunError}
 */
export async function recordOnGpu(s: Scenario, options: GpuRunOptions = {}): Promise<GpuRecording> {
  const routing = routeTokens(s);
  const deadlineNs = BigInt(Math.round((options.deadlineMs ?? 5000) * 1e6));
  const world = worldOptionsOf(s, routing.rows, deadlineNs, gemmOf(s.world));
  const warnings: string[] = [];
  const ranksPerGpu = s.world.ranks / s.world.gpus;
  // A missing library or GPU should say so, before a missing daemon does.
  if (ranksPerGpu > 1) await gpuInfo({ library: options.library });
  const stop = stopOn(options.signal);
  const mps = ranksPerGpu > 1 ? await startMps(ranksPerGpu) : undefined;
  try {
    const env = { NVSHMEM_SYMMETRIC_SIZE: symmetricReserve(s), ...process.env, ...mps?.env };
    const timeouts = { ...defaultTimeouts, ...options.timeouts };
    const ranks = new Ranks(s.world.ranks, env, timeouts, stop.stopped);
    try {
      const recording = await new Run(s, routing, world, ranks, options).record(warnings);
      await finish(ranks, warnings);
      return recording;
    } finally {
      await ranks.killAll();
    }
  } finally {
    stop.release();
    await stopMps(mps, warnings);
  }
}

/**
 * Bytes of symmetric heap that NVSHMEM is to reserve, which it reads from the environment before anything else: the heap
 * and the flags, and 128 MiB for what the library and NVSHMEM add.
 */
function symmetricReserve(s: Scenario): string {
  const shape = shapeOf(s);
  return String(heapElements(shape) * 2 + flagCount(shape) * 8 + 2 ** 27);
}

async function finish(ranks: Ranks, warnings: string[]): Promise<void> {
  try {
    await ranks.all('close', 'close', 'close', () => null);
    await ranks.endAll();
  } catch (error) {
    // Everything is recorded already; losing it over a failed farewell would help nobody.
    warnings.push(error instanceof Error ? error.message : String(error));
  }
}

async function stopMps(mps: MpsDaemon | undefined, warnings: string[]): Promise<void> {
  try {
    await mps?.stop();
  } catch (error) {
    warnings.push(error instanceof Error ? error.message : String(error));
  }
}

function stopOn(signal: AbortSignal | undefined): { stopped: Promise<never>; release(): void } {
  let release = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    const end = (): void =>
      reject(new GpuRunError('INTERRUPTED', 'the run on the GPU was interrupted'));
    if (signal?.aborted === true) end();
    signal?.addEventListener('abort', end);
    release = (): void => signal?.removeEventListener('abort', end);
  });
  stopped.catch(() => {});
  return { stopped, release };
}

/** One run; its ranks are up and are taken down by the caller. */
class Run {
  readonly #scenario: Scenario;
  readonly #routing: Routing;
  readonly #world: WorldOptions;
  readonly #ranks: Ranks;
  readonly #options: GpuRunOptions;

  constructor(
    s: Scenario,
    routing: Routing,
    world: WorldOptions,
    ranks: Ranks,
    options: GpuRunOptions,
  ) {
    this.#scenario = s;
    this.#routing = routing;
    this.#world = world;
    this.#ranks = ranks;
    this.#options = options;
  }

  async record(warnings: readonly string[]): Promise<GpuRecording> {
    const scenario = this.#scenario;
    const loaded = await this.#ranks.all('load', 'load', 'load', () => ({
      library: this.#options.library,
    }));
    const { version, path } = loaded[0] ?? { version: '', path: '' };
    this.#say(`${scenario.name}: ${version}`);
    const devices = await this.#devices();
    await this.#join();
    const worlds = await this.#ranks.all('open', 'open', 'open', () => this.#world);
    this.#requireProcessors(worlds);
    this.#say(
      `${scenario.world.ranks} ranks joined, ${worlds.map((w) => w.blocks).join(' + ')} blocks`,
    );
    await this.#ranks.all('fill', 'fill', 'fill', () => ({ scenario }));

    await this.#inputs(0);
    const warmUps = this.#options.warmUps ?? 2;
    for (let i = 0; i < warmUps; i++) await this.#launch(`warm-up ${i}`, false);
    const launches: LaunchRecord[] = [];
    for (let i = 0; i < scenario.launches; i++) launches.push(await this.#recordLaunch(i, warmUps));
    const libraryHash = await sha256(path);
    return {
      scenario,
      gemm: this.#world.gemm,
      routing: this.#routing,
      libraryVersion: version,
      libraryHash,
      devices,
      worlds,
      launches,
      warnings,
    };
  }

  /** The tile decides how many blocks make a processor, here as in the kernel: a library of another rule is refused. */
  #requireProcessors(worlds: readonly WorldInfo[]): void {
    const { name, tiles } = this.#scenario;
    const wanted = blocksPerProcessor(this.#scenario);
    for (const { blocks, processors } of worlds) {
      const each = blocks / (processors + 1);
      if (each === wanted) continue;
      const what = `blocks of a processor with tiles of ${tiles.rows} x ${tiles.cols}`;
      throw new GpuRunError(
        'UNSUPPORTED',
        `${name}: kernel library: expected ${wanted} ${what}, it has ${each}`,
      );
    }
  }

  /** GPU of a rank: ranks are spread evenly, neighbours together. */
  #device(rank: number): number {
    const { ranks, gpus } = this.#scenario.world;
    return Math.floor(rank / (ranks / gpus));
  }

  async #devices(): Promise<DeviceInfo[]> {
    const { gpus } = this.#scenario.world;
    const first = await this.#ranks.one(0, 'load', 'device', { device: 0 });
    if (first.devices < gpus) {
      const many = `${gpus} GPUs (world.gpus), this machine shows ${first.devices} (${first.name})`;
      const hint = first.devices === 1 ? '; set world.gpus=1 to let the ranks share it' : '';
      throw new GpuRunError('UNSUPPORTED', `${this.#scenario.name}: expected ${many}${hint}`);
    }
    return this.#ranks.all('load', 'device', 'device', (rank) => ({ device: this.#device(rank) }));
  }

  async #join(): Promise<void> {
    const uniqueId = await this.#ranks.one(0, 'join', 'uniqueId', null);
    const { ranks } = this.#scenario.world;
    await this.#ranks.all('join', 'join', 'join', (rank) => ({
      device: this.#device(rank),
      rank,
      ranks,
      uniqueId,
      worlds: [this.#world],
    }));
  }

  async #inputs(launch: number): Promise<void> {
    const scenario = this.#scenario;
    await this.#ranks.all('inputs', `inputs of launch ${launch}`, 'inputs', (rank) => ({
      scenario,
      launch,
      choices: this.#routing.choices[launch]?.[rank] ?? new Int32Array(0),
    }));
  }

  #launch(label: string, poisonOutput: boolean): Promise<LaunchResult[]> {
    const { model } = this.#scenario;
    return this.#ranks.all('launch', label, 'launch', (rank) => {
      const tokens = model.tokens[rank] ?? 0;
      const capacity = capacityOf(model, tokens);
      return { tokens, capacity, aligned: true, poisonOutput, poisonBuffers: false, held: false };
    });
  }

  async #recordLaunch(launch: number, warmUps: number): Promise<LaunchRecord> {
    const label = `launch ${launch}`;
    const stride = this.#options.checkStride ?? 1;
    const { tokens, topK } = this.#scenario.model;
    if (launch > 0) await this.#inputs(launch);
    const results = await this.#launch(label, stride > 0);
    const rings = await this.#ranks.all('collect', `rings of ${label}`, 'rings', () => null);
    const routing = await this.#ranks.all('collect', `routing of ${label}`, 'routing', (rank) => ({
      count: (tokens[rank] ?? 0) * topK,
    }));
    const checks =
      stride > 0
        ? await this.#ranks.all('check', `check of ${label}`, 'check', () => ({ stride }))
        : [];
    const ms = results.map((r) => r.ms.toFixed(3)).join(' ');
    const errors = checks.map((c) => c.relativeError.toExponential(1)).join(' ');
    this.#say(`${label}: ${ms} ms${errors === '' ? '' : `, relative error ${errors}`}`);
    return { epoch: launch + warmUps, results, rings, routing, checks };
  }

  #say(line: string): void {
    this.#options.onProgress?.(line);
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
