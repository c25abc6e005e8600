/** Ranks that hold one layer in several copies and launch it in turn. */
import type { DeviceInfo, LaunchResult, WorldInfo, WorldOptions } from '../../binding/index.ts';
import { type Layer, layerName, layerWorld } from './bench-layer.ts';
import type { BenchStep, BenchVerdict, BenchWorld } from './bench-messages.ts';
import { type LayerBench, type Mode, modesOf } from './bench-settings.ts';
import { GpuRunError } from './errors.ts';
import type { Ranks } from './ranks.ts';

/** One kind of timed launch. */
interface Kind {
  readonly mode: Mode;
  readonly held: boolean;
}

/** A launch on all ranks. */
export interface TimedLaunch extends Kind {
  /** Of the slowest rank. */
  readonly ms: number;
  /** GPU operations. */
  readonly operations: number;
}

/** What a session found when it was opened. */
export interface Opened {
  readonly version: string;
  /** File of the library. */
  readonly path: string;
  /** Of rank 0. */
  readonly device: DeviceInfo;
  readonly world: WorldInfo;
}

export class LayerSession {
  readonly #layer: Layer;
  readonly #bench: LayerBench;
  readonly #ranks: Ranks;
  readonly #modes: readonly Mode[];
  readonly copies: number;
  #taken = 0;
  /** World of the last step. */
  #last = 0;
  #seed: number;

  /** `ranks` are up, and are taken down by the caller. `copies`: of weights and tokens, to be launched on in turn. */
  constructor(layer: Layer, bench: LayerBench, ranks: Ranks, copies: number) {
    this.#layer = layer;
    this.#bench = bench;
    this.#ranks = ranks;
    this.#modes = modesOf(bench.trace);
    this.copies = copies;
    this.#seed = bench.seed * 1000;
  }

  async open(): Promise<Opened> {
    const loaded = await this.#ranks.all('load', 'load', 'load', () => ({
      library: this.#bench.library,
    }));
    const devices = await this.#ranks.all('load', 'device', 'device', (rank) => ({
      device: this.#device(rank),
    }));
    const worlds = await this.#openWorlds();
    const [library, device, world] = [loaded[0], devices[0], worlds[0]?.[0]];
    if (library === undefined || device === undefined || world === undefined) {
      throw new RangeError('a session without ranks');
    }
    const blocks = worlds.map((infos) => infos[0]?.blocks).join(' + ');
    this.#say(`${blocks} blocks, ${this.copies} copies of the layer`);
    return { ...library, device, world };
  }

  /**
   * Rounds of launches, `count` from number `from` on. Each has every kind of launch once, from another one on every time, so that none
   * always follows the same.
   */
  async rounds(label: string, from: number, count: number): Promise<TimedLaunch[]> {
    const all = [false, true].flatMap((held) => this.#modes.map((mode) => ({ mode, held })));
    const kinds = Array.from({ length: count }, (_, round) =>
      all.map((_, i) => all[(i + from + round) % all.length] as Kind),
    ).flat();
    const results = await this.#launch(
      label,
      kinds.map((kind) => this.#step(kind)),
    );
    return results.map((result, i) => ({ ...result, ...(kinds[i] as Kind) }));
  }

  /** By output and rank: the last launch's as it is; then of every world one on new tokens over a poisoned output. */
  async judge(): Promise<BenchVerdict[][]> {
    const verdicts: BenchVerdict[][] = [];
    const stride = Math.max(1, Math.floor(this.#layer.tokens / this.#bench.judgedRows));
    const judge = async (world: number): Promise<void> => {
      const label = `check of world ${world}`;
      verdicts.push(await this.#ranks.all('check', label, 'benchJudge', () => ({ world, stride })));
    };
    await judge(this.#last);
    for (let world = 0; world < this.#modes.length * this.copies; world++) {
      this.#seed += 1;
      const refill = { world, seed: this.#seed };
      const step = { world, held: false, aligned: this.#bench.ranks > 1, refill };
      await this.#launch('poisoned launch', [{ ...step, poisonOutput: true }]);
      await judge(world);
    }
    return verdicts;
  }

  #device(rank: number): number {
    return Math.floor(rank / (this.#bench.ranks / this.#bench.gpus));
  }

  /** Worlds of rank 0 first; all copies of a mode follow each other. */
  async #openWorlds(): Promise<readonly (readonly WorldInfo[])[]> {
    const { ranks, seed } = this.#bench;
    const worlds: BenchWorld[] = this.#modes.flatMap((mode) =>
      Array.from({ length: this.copies }, (_, copy) => {
        return { options: this.#options(mode), seed: seed + copy };
      }),
    );
    // A rank alone needs no NVSHMEM, and its heap no reservation.
    const uniqueId =
      ranks === 1 ? new Uint8Array(128) : await this.#ranks.one(0, 'join', 'uniqueId', null);
    await this.#ranks.all('join', 'join', 'join', (rank) => ({
      device: this.#device(rank),
      rank,
      ranks,
      uniqueId,
      worlds: worlds.map(({ options }) => options),
    }));
    return this.#ranks.all('open', 'open', 'benchOpen', () => worlds);
  }

  #options(mode: Mode): WorldOptions {
    return layerWorld(this.#layer, { ...this.#bench, trace: mode === 'on' });
  }

  #world(mode: Mode, copy: number): number {
    return this.#modes.indexOf(mode) * this.copies + copy;
  }

  /** The next launch: the copy after the last one, with tokens made before the launch on the copy before it. */
  #step({ mode, held }: Kind): BenchStep {
    const copy = this.#taken % this.copies;
    this.#taken += 1;
    this.#seed += 1;
    const next = this.#world(mode, this.#taken % this.copies);
    this.#last = this.#world(mode, copy);
    return {
      world: this.#last,
      held,
      aligned: this.#bench.ranks > 1,
      poisonOutput: false,
      refill: { world: next, seed: this.#seed },
    };
  }

  /** Launches on all ranks; the time of a launch is that of its slowest rank. */
  async #launch(
    label: string,
    steps: readonly BenchStep[],
  ): Promise<Pick<TimedLaunch, 'ms' | 'operations'>[]> {
    const all = await this.#ranks.all('launch', label, 'benchRun', () => steps);
    const at = (own: readonly LaunchResult[], i: number): LaunchResult => {
      const result = own[i];
      if (result === undefined) throw new GpuRunError('RANK_FAILED', `no result of ${label}, ${i}`);
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

  #say(line: string): void {
    this.#bench.onProgress?.(`${layerName(this.#layer)}: ${line}`);
  }
}
