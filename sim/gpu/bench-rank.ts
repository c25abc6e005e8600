/** A rank's part of a benchmark: several worlds of one layer, launched in turn. Runs in the rank's process. */
import type {
  Kernel,
  KernelWorld,
  LaunchResult,
  WorldInfo,
  WorldOptions,
} from '../../binding/index.ts';
import type { BenchStep, BenchVerdict, BenchWorld } from './bench-messages.ts';
import { keptPerExpert } from './verdict.ts';

export class BenchRank {
  readonly #worlds: KernelWorld[] = [];
  readonly #options: WorldOptions[] = [];

  async open(kernel: Kernel, worlds: readonly BenchWorld[]): Promise<WorldInfo[]> {
    const infos: WorldInfo[] = [];
    for (const { options, seed } of worlds) {
      const world = await kernel.openWorld(options);
      this.#worlds.push(world);
      this.#options.push(options);
      for (const tensor of ['wg', 'w1', 'w2', 'x'] as const) {
        await world.fill(tensor, BigInt(seed), 0);
      }
      infos.push(await world.info());
    }
    return infos;
  }

  async run(steps: readonly BenchStep[]): Promise<LaunchResult[]> {
    const results: LaunchResult[] = [];
    for (const { world, refill, held, aligned, poisonOutput } of steps) {
      if (refill !== null) await this.#world(refill.world).fill('x', BigInt(refill.seed), 0);
      const { tokens } = this.#shape(world);
      results.push(
        await this.#world(world).launch({
          tokens,
          capacity: 0,
          aligned,
          poisonOutput,
          poisonBuffers: false,
          held,
        }),
      );
    }
    return results;
  }

  async judge(index: number, stride: number): Promise<BenchVerdict> {
    const world = this.#world(index);
    const { tokens, topK, experts } = this.#shape(index);
    const check = await world.check({ stride });
    const choices = new Uint32Array(tokens * topK);
    const rows = new Uint32Array(tokens * topK);
    await world.download('choices', 0, new Uint8Array(choices.buffer));
    await world.download('rows', 0, new Uint8Array(rows.buffer));
    return {
      check,
      rows: keptPerExpert({ choices, rows }, experts),
      lostRecords: lostIn(await world.readRings()),
    };
  }

  async close(): Promise<void> {
    for (const world of this.#worlds) await world.close();
    this.#worlds.length = 0;
  }

  abort(): void {
    for (const world of this.#worlds) world.abort();
  }

  async dump(): Promise<string> {
    const dumps: string[] = [];
    for (const [i, world] of this.#worlds.entries()) {
      dumps.push(`world ${i}\n${await world.dump()}`);
    }
    return dumps.join('\n');
  }

  #world(index: number): KernelWorld {
    const world = this.#worlds[index];
    if (world === undefined) throw new RangeError(`no world ${index}`);
    return world;
  }

  #shape(index: number): WorldOptions['shape'] {
    const options = this.#options[index];
    if (options === undefined) throw new RangeError(`no world ${index}`);
    return options.shape;
  }
}

/** The ring's header has its capacity and the records written, also those that no longer fitted. */
function lostIn(rings: Awaited<ReturnType<KernelWorld['readRings']>>): number {
  let lost = 0;
  for (const { header } of rings) {
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    lost += Math.max(0, view.getUint32(8, true) - view.getUint32(4, true));
  }
  return lost;
}
