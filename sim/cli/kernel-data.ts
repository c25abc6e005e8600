/** What was measured of the kernel on a GPU and committed: docs/results/kernel-*.json, from which kernel.md is made. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchFile } from './bench-file.ts';

/** Result of the kernel's own test program with one number of ranks. */
export interface CasesOfRanks {
  readonly ranks: number;
  readonly passed: number;
  readonly failed: number;
}

/** kernel-cases.json */
export interface KernelCases {
  readonly machine: string;
  readonly date: string;
  /** How they were run. */
  readonly command: string;
  /** Largest relative error of a bf16 output against fp64. */
  readonly largestError: number;
  readonly runs: readonly CasesOfRanks[];
  /** The litmus shapes on the hardware; null: not run. */
  readonly litmus: {
    readonly shapes: number;
    readonly instances: number;
    readonly forbidden: number;
    readonly hung: number;
  } | null;
}

/** A line of kernel/bench/gemm_tile.cu's --json, here a list: kernel-gemm.json. Both GEMMs without the rest of the layer. */
export interface GemmLine {
  readonly tokens: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly experts: number;
  readonly topK: number;
  /** Columns x tokens x stages. */
  readonly tile: string;
  readonly gemm0Ms: number;
  readonly gemm1Ms: number;
  /** Both in one launch. */
  readonly mergedMs: number;
  readonly flops: number;
  readonly correct: boolean;
}

/** kernel-gemm.json */
export interface GemmFile {
  readonly machine: string;
  readonly date: string;
  readonly command: string;
  readonly lines: readonly GemmLine[];
}

/** What ptxas reported of one kernel: kernel-resources.json. */
export interface KernelResources {
  readonly kernel: string;
  readonly registers: number;
  readonly stackBytes: number;
  readonly spillStores: number;
  readonly spillLoads: number;
}

export interface KernelData {
  /** By file name, kernel-bench.json first. */
  readonly benches: readonly { readonly file: string; readonly bench: BenchFile }[];
  readonly cases: KernelCases | null;
  readonly gemm: GemmFile | null;
  readonly resources: readonly KernelResources[] | null;
}

/** Fewest launches behind a committed figure. */
const leastLaunches = 30;

/**
 * Everything that is committed; null without kernel-bench.json.
 * @throws {Error} for what must not become a figure: an emulated GPU, too few launches
 */
export function readKernelData(folder: string): KernelData | null {
  if (!existsSync(join(folder, 'kernel-bench.json'))) return null;
  const files = readdirSync(folder).filter((name) => /^kernel-bench.*\.json$/.test(name));
  const benches = files.sort(benchOrder).map((file) => {
    const bench = read(folder, file) as BenchFile;
    const problem = benchProblem(bench);
    if (problem !== null) throw new Error(`docs/results/${file}: ${problem}`);
    return { file, bench };
  });
  return {
    benches,
    cases: read(folder, 'kernel-cases.json') as KernelCases | null,
    gemm: read(folder, 'kernel-gemm.json') as GemmFile | null,
    resources: read(folder, 'kernel-resources.json') as readonly KernelResources[] | null,
  };
}

/** Why a benchmark's figures cannot be shown; null: they can. */
export function benchProblem(bench: BenchFile): string | null {
  if (bench.tool !== 'kerneltwin gpu bench' || bench.version !== 1) {
    return 'expected a file of kerneltwin gpu bench, version 1';
  }
  if (bench.emulated) return 'expected a measurement on a GPU, got one on the emulated GPU';
  if (bench.settings.launches < leastLaunches) {
    return `expected at least ${leastLaunches} launches, got ${bench.settings.launches}`;
  }
  return null;
}

function benchOrder(a: string, b: string): number {
  const first = 'kernel-bench.json';
  if (a === first || b === first) return a === first ? -1 : 1;
  return a < b ? -1 : 1;
}

function read(folder: string, file: string): unknown {
  const path = join(folder, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}
