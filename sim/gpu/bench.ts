/** Timing the kernel on one layer: several copies of it in turn, every copy's last output held against fp64. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DeviceInfo, LaunchResult, WorldInfo, WorldOptions } from '../../binding/index.ts';
import {
  expertsPerRank,
  type Layer,
  type LayerOptions,
  layerName,
  layerWorld,
  symmetricBytes,
  weightBytes,
  worldBytes,
} from './bench-layer.ts';
import type { BenchStep, BenchVerdict, BenchWorld } from './bench-messages.ts';
import { type LayerResult, type ModeTimings, summaryOf } from './bench-result.ts';
import { type Peaks, roofline, type Work, workOf } from './bench-roofline.ts';
import { median, timingOf } from './bench-timing.ts';
import { GpuRunError } from './errors.ts';
import { type MpsDaemon, startMps } from './mps.ts';
import { defaultTimeouts } from './phases.ts';
import { Ranks } from './ranks.ts';

/** Tracing off, on, or both in turn: what tracing costs. */
export type TraceChoice = 'off' | 'on' | 'both';

export interface LayerBench extends Omit<LayerOptions, 'trace'> {
  readonly library?: string | undefined;
  /** Ranks are spread over them evenly. */
  readonly gpus: number;
  readonly trace: TraceChoice;
  /** Timed launches of each kind. */
  readonly launches: number;
  readonly warmUps: number;
  /** Tokens of a rank whose output is held against fp64, about; every element is looked at for having been written. */
  readonly judgedRows: number;
  readonly seed: number;
  readonly peaks: Peaks;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

type Mode = 'off' | 'on';

/** Most copies of a layer: beyond that only tiny layers still meet themselves in L2. */
const mostCopies = 8;

/**
 * Times a layer. Starts and stops whatever it needs.
 * @throws {GpuRunError} when it cannot be run at all; wrong outputs are in the result
 */
export async function benchLayer(layer: Layer, bench: LayerBench): Promise<LayerResult> {
  const ranksPerGpu = bench.ranks / bench.gpus;
  const stop = stopOn(bench.signal);
  const mps = ranksPerGpu > 1 ? await startMps(ranksPerGpu) : undefined;
  try {
    const most = mostCopies * modesOf(bench.trace).length;
    const reserve = most * symmetricBytes(layerWorld(layer, { ...bench, trace: false }).shape);
    const env = {
      NVSHMEM_SYMMETRIC_SIZE: String(Math.min(reserve, 2 ** 36) + 2 ** 27),
      ...process.env,
      ...mps?.env,
    };
    const ranks = new Ranks(bench.ranks, env, timeoutsOf(bench), stop.stopped);
    try {
      const result = await new LayerRun(layer, bench, ranks).measure();
      await ranks.all('close', 'close', 'close', () => null);
      await ranks.endAll();
      return result;
    } finally {
      await ranks.killAll();
    }
  } finally {
    stop.release();
    await stopQuietly(mps, bench);
  }
}

async function stopQuietly(mps: MpsDaemon | undefined, bench: LayerBench): Promise<void> {
  try {
    await mps?.stop();
  } catch (error) {
    // What was measured stands; the next layer would say if the daemon were in its way.
    bench.onProgress?.(error instanceof Error ? error.message : String(error));
  }
}

function timeoutsOf(bench: LayerBench): typeof defaultTimeouts {
  const launches = (bench.launches + bench.warmUps) * 4;
  return {
    ...defaultTimeouts,
    launch: defaultTimeouts.launch + launches * bench.deadlineMs,
    open: 180_000,
  };
}

function stopOn(signal: AbortSignal | undefined): { stopped: Promise<never>; release(): void } {
  let release = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    const end = (): void => reject(new GpuRunError('INTERRUPTED', 'the benchmark was interrupted'));
    if (signal?.aborted === true) end();
    signal?.addEventListener('abort', end);
    release = (): void => signal?.removeEventListener('abort', end);
  });
  stopped.catch(() => {});
  return { stopped, release };
}

function modesOf(trace: TraceChoice): readonly Mode[] {
  return trace === 'both' ? ['off', 'on'] : [trace];
}

/** One kind of timed launch. */
interface Kind {
  readonly mode: Mode;
  readonly held: boolean;
}

class LayerRun {
  readonly #layer: Layer;
  readonly #bench: LayerBench;
  readonly #ranks: Ranks;
  readonly #modes: readonly Mode[];
  #copies = 1;
  #taken = 0;
  /** World of the last step. */
  #last = 0;
  #seed: number;

  constructor(layer: Layer, bench: LayerBench, ranks: Ranks) {
    this.#layer = layer;
    this.#bench = bench;
    this.#ranks = ranks;
    this.#modes = modesOf(bench.trace);
    this.#seed = bench.seed * 1000;
  }

  async measure(): Promise<LayerResult> {
    const loaded = await this.#ranks.all('load', 'load', 'load', () => ({
      library: this.#bench.library,
    }));
    const { version = '', path = '' } = loaded[0] ?? {};
    const devices = await this.#ranks.all('load', 'device', 'device', (rank) => ({
      device: this.#device(rank),
    }));
    const device = devices[0];
    if (device === undefined) throw new RangeError('no ranks');
    if (device.devices < this.#bench.gpus) {
      const message = `--gpus: expected at most the ${device.devices} of this machine, got ${this.#bench.gpus}`;
      throw new GpuRunError('UNSUPPORTED', message);
    }
    this.#copies = this.#chooseCopies(device);
    const worlds = await this.#open();
    const timed = await this.#time();
    const judged = await this.#judge();
    const world = worlds[0]?.[0];
    if (world === undefined) throw new RangeError('no world');
    return {
      ...this.#settings(device),
      library: { version, sha256: sha256(path) },
      world: pick(world, ['blocks', 'threads', 'sms', 'registers', 'sharedBytes', 'localBytes']),
      copies: this.#copies,
      copyBytes: this.#copyBytes(),
      ...timed,
      ...judged,
    };
  }

  #settings(
    device: DeviceInfo,
  ): Pick<
    LayerResult,
    'layer' | 'ranks' | 'gpus' | 'gemm' | 'tile' | 'activation' | 'renormalise' | 'device'
  > {
    const { ranks, gpus, gemm, tile, activation, renormalise } = this.#bench;
    const facts = ['name', 'sms', 'clockKhz', 'driverVersion', 'l2Bytes', 'memoryBytes'] as const;
    return {
      layer: this.#layer,
      ranks,
      gpus,
      gemm,
      tile,
      activation,
      renormalise,
      device: pick(device, facts),
    };
  }

  #device(rank: number): number {
    return Math.floor(rank / (this.#bench.ranks / this.#bench.gpus));
  }

  #options(mode: Mode): WorldOptions {
    return layerWorld(this.#layer, { ...this.#bench, trace: mode === 'on' });
  }

  /** Weights and tokens: what a launch would find in L2 if it met its own data again too soon. */
  #copyBytes(): number {
    const { shape } = this.#options('off');
    return weightBytes(shape) + shape.tokens * shape.hidden * 2;
  }

  /**
   * At least two, and enough that the copies between two launches on the same one are twice the size of L2; as many as fit in 85 % of
   * the memory that is free.
   */
  #chooseCopies(device: DeviceInfo): number {
    const perCopy = this.#modes.reduce((sum, mode) => sum + worldBytes(this.#options(mode)), 0);
    const share = (0.85 * device.memoryFree) / (this.#bench.ranks / this.#bench.gpus);
    const wanted = Math.max(2, 1 + Math.ceil((2 * device.l2Bytes) / this.#copyBytes()));
    return Math.max(1, Math.min(wanted, mostCopies, Math.floor(share / perCopy)));
  }

  /** Worlds of rank 0 first; all copies of a mode follow each other. */
  async #open(): Promise<readonly (readonly WorldInfo[])[]> {
    const { ranks, seed } = this.#bench;
    const worlds: BenchWorld[] = this.#modes.flatMap((mode) =>
      Array.from({ length: this.#copies }, (_, copy) => {
        return { options: this.#options(mode), seed: seed + copy };
      }),
    );
    // A rank alone needs no NVSHMEM, and its heap no reservation.
    const alone = ranks === 1;
    const uniqueId = alone
      ? new Uint8Array(128)
      : await this.#ranks.one(0, 'join', 'uniqueId', null);
    await this.#ranks.all('join', 'join', 'join', (rank) => ({
      device: this.#device(rank),
      rank,
      ranks,
      uniqueId,
      worlds: worlds.map(({ options }) => options),
    }));
    const opened = await this.#ranks.all('open', 'open', 'benchOpen', () => worlds);
    const blocks = opened.map((infos) => infos[0]?.blocks).join(' + ');
    this.#say(`${worlds.length} worlds of ${blocks} blocks, ${this.#copies} copies of the layer`);
    return opened;
  }

  #world(mode: Mode, copy: number): number {
    return this.#modes.indexOf(mode) * this.#copies + copy;
  }

  /** The next launch: the copy after the last one, with tokens made before the launch on the copy before it. */
  #step({ mode, held }: Kind, poisonOutput = false): BenchStep {
    const copy = this.#taken % this.#copies;
    this.#taken += 1;
    this.#seed += 1;
    const next = this.#world(mode, this.#taken % this.#copies);
    this.#last = this.#world(mode, copy);
    return {
      world: this.#last,
      held,
      aligned: this.#bench.ranks > 1,
      poisonOutput,
      refill: { world: next, seed: this.#seed },
    };
  }

  /** All kinds, every round from another one on, so that none always follows the same. */
  #round(index: number): { readonly kinds: readonly Kind[]; readonly steps: readonly BenchStep[] } {
    const all = [false, true].flatMap((held) => this.#modes.map((mode) => ({ mode, held })));
    const kinds = all.map((_, i) => all[(i + index) % all.length] as Kind);
    return { kinds, steps: kinds.map((kind) => this.#step(kind)) };
  }

  async #time(): Promise<Pick<LayerResult, 'operations' | 'timings' | 'tracing'>> {
    const { warmUps, launches } = this.#bench;
    const warm = Array.from({ length: warmUps }, (_, i) => this.#round(i).steps).flat();
    await this.#launch('warm-up', warm);
    const rounds = Array.from({ length: launches }, (_, i) => this.#round(i));
    const results = await this.#launch(
      'timed launches',
      rounds.flatMap(({ steps }) => steps),
    );
    const kinds = rounds.flatMap(({ kinds }) => kinds);
    const times = (mode: Mode, held: boolean): number[] =>
      results.flatMap((r, i) => (kinds[i]?.mode === mode && kinds[i]?.held === held ? r.ms : []));
    const timings = (mode: Mode): ModeTimings | null =>
      this.#modes.includes(mode)
        ? { events: timingOf(times(mode, false)), gpu: timingOf(times(mode, true)) }
        : null;
    const cost = (held: boolean): number => {
      const off = times('off', held);
      return median(times('on', held).map((ms, i) => ms / (off[i] ?? Number.NaN))) - 1;
    };
    return {
      operations: Math.max(...results.map((r) => r.operations)),
      timings: { off: timings('off'), on: timings('on') },
      tracing: this.#bench.trace === 'both' ? { events: cost(false), gpu: cost(true) } : null,
    };
  }

  /** Launches on all ranks; the time of a launch is that of its slowest rank. */
  async #launch(
    label: string,
    steps: readonly BenchStep[],
  ): Promise<{ readonly ms: number; readonly operations: number }[]> {
    const all = await this.#ranks.all('launch', label, 'benchRun', () => steps);
    const at = (own: readonly LaunchResult[], i: number): LaunchResult => {
      const result = own[i];
      if (result === undefined) throw new RangeError(`no result of launch ${i}`);
      return result;
    };
    return steps.map((_, i) => {
      const results = all.map((own) => at(own, i));
      return {
        ms: Math.max(...results.map((r) => r.ms)),
        operations: Math.max(...results.map((r) => r.kernels)),
      };
    });
  }

  /** The output of the last timed launch as it is; then of every world one on new tokens over a poisoned output. */
  async #judge(): Promise<Pick<LayerResult, 'roofline' | 'rows' | 'check'>> {
    const verdicts: BenchVerdict[][] = [];
    const stride = Math.max(1, Math.floor(this.#layer.tokens / this.#bench.judgedRows));
    const worlds = this.#modes.length * this.#copies;
    const judge = async (world: number): Promise<void> => {
      const label = `check of world ${world}`;
      verdicts.push(await this.#ranks.all('check', label, 'benchJudge', () => ({ world, stride })));
    };
    await judge(this.#last);
    for (let world = 0; world < worlds; world++) {
      this.#seed += 1;
      const refill = { world, seed: this.#seed };
      const step = { world, held: false, aligned: this.#bench.ranks > 1, refill };
      await this.#launch('poisoned launch', [{ ...step, poisonOutput: true }]);
      await judge(world);
    }
    const rows = verdicts[0]?.map((verdict) => verdict.rows) ?? [];
    return { ...this.#bound(rows), check: summaryOf(verdicts.flat(), this.#layer.tokens) };
  }

  /** @param perRank rows of each global expert, by the rank they come from */
  #bound(perRank: readonly (readonly number[])[]): Pick<LayerResult, 'roofline' | 'rows'> {
    const { ranks, gpus, peaks } = this.#bench;
    const { experts, tokens } = this.#layer;
    const rows = Array.from({ length: experts }, (_, e) =>
      perRank.reduce((sum, own) => sum + (own[e] ?? 0), 0),
    );
    const homes = expertsPerRank(experts, ranks).flatMap((count, rank) =>
      Array.from({ length: count }, () => this.#device(rank)),
    );
    const work: Work[] = Array.from({ length: gpus }, (_, gpu) =>
      workOf(
        this.#layer,
        rows.filter((_, e) => homes[e] === gpu),
        tokens * (ranks / gpus),
      ),
    );
    const bounds = work.map((own) => roofline(own, peaks)).sort((a, b) => b.ms - a.ms);
    const worst = bounds[0];
    if (worst === undefined) throw new RangeError('no GPUs');
    return {
      roofline: worst,
      rows: {
        min: Math.min(...rows),
        max: Math.max(...rows),
        experts: rows.filter((n) => n > 0).length,
      },
    };
  }

  #say(line: string): void {
    this.#bench.onProgress?.(`${layerName(this.#layer)}: ${line}`);
  }
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function pick<T, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}
