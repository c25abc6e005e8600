/**
 * The fused kernel's own code on the emulated GPU (kernel/tests/emulator), run for a scenario. The program also holds every
 * launch's output against fp64 and fails on the first difference.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DeviceInfo, GemmPath, LaunchResult, WorldInfo } from '../../binding/index.ts';
import { kernelPolicies } from '../../binding/kernel.ts';
import type { RoutingResult } from '../../sim/gpu/messages.ts';
import type { GpuRecording, LaunchRecord } from '../../sim/gpu/record.ts';
import type { RingBytes } from '../../sim/gpu/ring.ts';
import { traceOf } from '../../sim/gpu/run-on-gpu.ts';
import { capacityOf } from '../../sim/moe/capacity.ts';
import { blocksPerProcessor } from '../../sim/moe/pairs.ts';
import { placementOf } from '../../sim/moe/placement.ts';
import { type Routing, routeTokens } from '../../sim/moe/routing.ts';
import { activations, type Scenario } from '../../sim/moe/scenario.ts';
import { shapeOf } from '../../sim/moe/shape-of.ts';
import { recordBytes, ringHeaderBytes } from '../../sim/trace/generated/events.ts';
import type { Trace } from '../../sim/trace/trace.ts';

const root = join(import.meta.dirname, '..', '..');

/** Subscriber warps of the kernel's OS block. */
const subscribersOf: Readonly<Record<GemmPath, number>> = { mma: 7, wgmma: 11 };

/** Programs of kernel/tests/emulator/build.sh. */
export type EmulatorTarget = 'emulate' | 'emulator_test' | 'gpu_cases' | 'libkerneltwin.so';

/** Path of a program that {@link buildEmulator} builds. */
export function emulatorProgram(target: EmulatorTarget): string {
  return join(root, 'build', 'emulator', target, target);
}

/** Compiles a program unless it is newer than everything it is made of; 15 to 60 s. */
export function buildEmulator(target: EmulatorTarget): void {
  const script = join(root, 'kernel', 'tests', 'emulator', 'build.sh');
  execFileSync('sh', [script, dirname(emulatorProgram(target)), target], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Two processors where the scenario leaves it open. */
function blocksOf({ world, tiles }: Scenario, gemm: GemmPath): number {
  return world.blocks ?? 3 * blocksPerProcessor({ world: { gemm }, tiles });
}

function policyCode(s: Scenario): number {
  const code = kernelPolicies.findIndex((name) => name === s.policy);
  if (code < 0) throw new RangeError(`${s.name}: policy: the kernel has no ${s.policy}`);
  return code;
}

function requestOf(s: Scenario, routing: Routing, seed: number, gemm: GemmPath): string {
  const shape = shapeOf(s);
  const { model, world } = s;
  if (model.dtype !== 'bf16') throw new RangeError(`dtype: expected bf16, got ${model.dtype}`);
  const words: number[] = [
    world.ranks,
    blocksOf(s, gemm),
    model.hidden,
    model.intermediate,
    model.topK,
    s.tiles.rows,
    s.tiles.cols,
    shape.capacity,
    Number(s.readiness === 'eager'),
    policyCode(s),
    Number(world.transport === 'put'),
    Number(gemm === 'wgmma'),
    Number(model.bias),
    Number(model.renormalise),
    activations.indexOf(model.activation),
    seed,
    s.launches,
    ...placementOf(s).base,
  ];
  for (const ofLaunch of routing.choices) {
    ofLaunch.forEach((choices, rank) => {
      const tokens = model.tokens[rank] ?? 0;
      words.push(tokens, capacityOf(model, tokens), ...choices);
    });
  }
  return words.join(' ');
}

/** Reads what the program left, in order. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  word(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  words(count: number): Uint32Array {
    return Uint32Array.from({ length: count }, () => this.word());
  }
  take(count: number): Uint8Array {
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }
}

function readRank(reader: Reader): { routing: RoutingResult; rings: RingBytes[] } {
  const count = reader.word();
  const routing = { choices: reader.words(count), rows: reader.words(count) };
  const rings = Array.from({ length: reader.word() }, () => {
    const header = reader.take(ringHeaderBytes);
    return { header, records: reader.take(reader.word() * recordBytes) };
  });
  return { routing, rings };
}

function launchesOf(s: Scenario, bytes: Uint8Array): LaunchRecord[] {
  const reader = new Reader(bytes);
  return Array.from({ length: s.launches }, (_, epoch) => {
    const ranks = Array.from({ length: s.world.ranks }, () => readRank(reader));
    const result: LaunchResult = {
      epoch,
      abortCode: 0,
      abortActor: 0,
      abortSite: 0,
      kernels: 1,
      ms: 0,
    };
    return {
      epoch,
      results: ranks.map(() => result),
      rings: ranks.map(({ rings }) => rings),
      routing: ranks.map(({ routing }) => routing),
      checks: [],
    };
  });
}

/** Runs the scenario's launches, interleaved by `seed`, and returns the trace the kernel left. Throws what the program says. */
export function emulateKernel(s: Scenario, seed: number, gemm: GemmPath = 'mma'): Trace {
  const subscribers = subscribersOf[gemm];
  const routing = routeTokens(s);
  const folder = mkdtempSync(join(tmpdir(), 'kerneltwin-emulate-'));
  try {
    const request = join(folder, 'request');
    const rings = join(folder, 'rings');
    writeFileSync(request, requestOf(s, routing, seed, gemm));
    const run = spawnSync(emulatorProgram('emulate'), [request, rings], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    if (run.status !== 0) {
      throw new Error(run.stderr === '' ? `emulate: ${run.signal}` : run.stderr);
    }
    const blocks = blocksOf(s, gemm);
    const processors = blocks / blocksPerProcessor({ world: { gemm }, tiles: s.tiles }) - 1;
    const recording: GpuRecording = {
      scenario: s,
      gemm,
      routing,
      libraryVersion: 'emulated',
      libraryHash: '',
      devices: [] as readonly DeviceInfo[],
      worlds: s.model.tokens.map(() => ({ blocks, processors, subscribers }) as WorldInfo),
      launches: launchesOf(s, readFileSync(rings)),
      warnings: [],
    };
    return traceOf(recording);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
