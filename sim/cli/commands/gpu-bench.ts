import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { DeviceInfo } from '../../../binding/index.ts';
import { type KernelPolicy, kernelPolicies } from '../../../binding/kernel.ts';
import { Baseline, BaselineError } from '../../gpu/bench-baseline.ts';
import { wgmmaTiles } from '../../gpu/bench-layer.ts';
import type { Peaks } from '../../gpu/bench-roofline.ts';
import type { LayerBench, TraceChoice } from '../../gpu/bench-settings.ts';
import { gpuInfo } from '../../gpu/gpu-info.ts';
import { type GemmPath, gemmPaths } from '../../gpu/world-options.ts';
import { loadMachineProfile, machineOf } from '../../machine/profile.ts';
import { type Activation, activations } from '../../moe/scenario.ts';
import { writeAtomically } from '../../report/atomic-write.ts';
import { type BenchEntry, type BenchFile, benchFigures, entryRight } from '../bench-file.ts';
import {
  defaultLayers,
  parseCount,
  parseLayer,
  parseRanks,
  parseTile,
  plannedRuns,
  tileFor,
} from '../bench-options.ts';
import { emulatedEntries, type PlannedRun, runBench } from '../bench-run.ts';
import { benchText } from '../bench-text.ts';
import { describedCommand, printJson, type Settle } from '../command.ts';
import { exitCodes, InputError, Interrupted } from '../outcome.ts';
import { packageRoot } from '../package-info.ts';
import { startProgress } from '../progress.ts';
import { repeated } from '../scenario-options.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly shape?: readonly string[];
  readonly ranks: string;
  readonly gpus: string;
  readonly gemm: GemmPath;
  readonly policy: KernelPolicy;
  readonly tile?: string;
  readonly activation: Activation;
  readonly renormalise?: boolean;
  readonly launches: string;
  readonly warmup: string;
  readonly trace: TraceChoice;
  readonly untracedLibrary?: string;
  readonly checkRows: string;
  readonly seed: string;
  readonly baseline: 'torch' | 'none';
  readonly python: string;
  readonly machine: string;
  readonly seconds?: string;
  readonly out?: string;
  readonly library?: string;
  readonly json?: boolean;
}

const details = [
  'Every layer is timed with CUDA events around a launch on an idle stream, and once more with the launch queued before the clock',
  'starts (the GPU alone). Weights and tokens come in several copies used in turn, tokens drawn anew before each launch. Every',
  'copy\u2019s last output is compared with an fp64 reference. PyTorch\u2019s layer runs in the same call, in a process of its own,',
  'never at the same time. Without --tile the tile follows from the rows S k / E that a rank expects to send to an expert:',
  `${tileRule()} (mma: 128x128). Exit 1 when an output is wrong or a layer failed.`,
].join(' ');

/** `up to 64: 64x256, ..., beyond: 288x128` */
function tileRule(): string {
  const parts = wgmmaTiles.map(({ upTo, rows, cols }) => {
    return `${Number.isFinite(upTo) ? `up to ${upTo}` : 'beyond'}: ${rows}x${cols}`;
  });
  return parts.join(', ');
}

/** `kerneltwin gpu bench`: how fast the kernel is, and how right, beside PyTorch. */
export function gpuBenchCommand(terminal: Terminal, settle: Settle): Command {
  const command = describedCommand({
    name: 'bench',
    summary: 'time the kernel on MoE layers, beside PyTorch and the roofline',
    details,
    example: 'gpu bench --shape 8192/2048/2048/64/2 --trace both --out bench.json',
  });
  return withOptions(command).action(async (options: Options) => {
    const begin = performance.now();
    const peaks = peaksOf(options.machine);
    const planned = planOf(options, peaks);
    const seconds =
      options.seconds === undefined ? null : parseCount('--seconds', options.seconds, 1);
    const { devices } = await gpuInfo({ library: options.library });
    const plan = planned.map((run) => onDevice(run, devices));
    // PyTorch's layer is that of one rank.
    const alone = planned.some(({ bench }) => bench.ranks === 1);
    const baseline = alone ? await startBaseline(options) : null;
    const entries: BenchEntry[] = [];
    const progress = startProgress(terminal);
    const file = (): BenchFile => fileOf(options, peaks, baseline, entries);
    const finished = async (entry: BenchEntry): Promise<void> => {
      entries.push(entry);
      progress.done();
      terminal.err(`${entryLine(entry)}\n`);
      if (options.out !== undefined) await writeAtomically(options.out, textOf(file()));
    };
    const say = (line: string): void => progress.step(line);
    const runs = plan.map(({ layer, bench }) => ({ layer, bench: { ...bench, onProgress: say } }));
    try {
      await runBench(runs, baseline, { seconds, begin, signal: terminal.signal }, finished);
    } catch (error) {
      throw error instanceof Interrupted ? interrupted(entries, options.out) : error;
    } finally {
      progress.done();
      await baseline?.stop();
    }
    if (options.json) printJson(terminal, file());
    else terminal.out(benchText(file()));
    settle(entries.every(entryRight) ? exitCodes.clean : exitCodes.violations);
  });
}

function withOptions(command: Command): Command {
  const count = 'expected at least';
  return command
    .option('--shape <S/H/I/E/k>', 'layer, S tokens a rank; may be repeated', repeated)
    .option('--ranks <list>', 'numbers of ranks, e.g. 1,2,4', '1')
    .option('--gpus <number>', 'GPUs that the ranks are spread over', '1')
    .addOption(
      new Option('--gemm <path>', 'how the kernel multiplies').choices(gemmPaths).default('wgmma'),
    )
    .addOption(
      new Option('--policy <name>', 'scheduling policy')
        .choices(kernelPolicies)
        .default('interleave'),
    )
    .option('--tile <ROWSxCOLS>', 'most tokens and weight rows of a tile')
    .addOption(
      new Option('--activation <name>', 'between the GEMMs').choices(activations).default('relu'),
    )
    .option('--renormalise', 'scale the probabilities of a token\u2019s choices to sum to one')
    .option('--launches <number>', `timed launches of each kind (${count} 30 for a figure)`, '30')
    .option('--warmup <number>', 'launches of each kind before them', '10')
    .addOption(
      new Option('--trace <mode>', 'tracing; both: in turn, to see what it costs')
        .choices(['off', 'on', 'both'])
        .default('off'),
    )
    .option(
      '--untraced-library <file>',
      'also a library without trace code, in turn with tracing off',
    )
    .option('--check-rows <number>', 'rows of an output held against fp64, about', '1024')
    .option('--seed <number>', 'of weights and tokens', '1')
    .addOption(
      new Option('--baseline <name>', 'what to compare with')
        .choices(['torch', 'none'])
        .default('torch'),
    )
    .option('--python <program>', 'Python that has PyTorch', 'python3')
    .option('--machine <profile>', 'machine profile with the rates of the roofline', 'h200')
    .option('--seconds <number>', 'end within this time; layers that are left are named')
    .option('--out <file>', 'write the results as JSON, after every layer')
    .option('--library <file>', 'kernel library instead of build/kernel')
    .option('--json', 'print the results as JSON');
}

interface NamedPeaks extends Peaks {
  readonly machine: string;
}

function peaksOf(name: string): NamedPeaks {
  const machine = machineOf(loadMachineProfile(name));
  return {
    machine: name,
    flopPerMs: machine.tensorFlopPerNs * machine.sms * 1e6,
    bytesPerMs: machine.hbmBytesPerNs * 1e6,
  };
}

type Undecided = Pick<PlannedRun, 'layer'> & { readonly bench: Omit<LayerBench, 'device'> };

/** @throws {InputError} where this machine has fewer GPUs */
function onDevice({ layer, bench }: Undecided, devices: readonly DeviceInfo[]): PlannedRun {
  const device = devices[0];
  if (device === undefined || devices.length < bench.gpus) {
    throw new InputError(`--gpus: expected at most the ${devices.length} here, got ${bench.gpus}`);
  }
  return { layer, bench: { ...bench, device } };
}

function planOf(o: Options, peaks: Peaks): Undecided[] {
  const layers = (o.shape ?? defaultLayers).map(parseLayer);
  const tile = o.tile === undefined ? undefined : parseTile(o.tile);
  const gpus = parseCount('--gpus', o.gpus, 1, 8);
  const common = {
    library: o.library,
    untracedLibrary: o.untracedLibrary,
    gpus,
    gemm: o.gemm,
    policy: o.policy,
    activation: o.activation,
    renormalise: o.renormalise ?? false,
    trace: o.trace,
    launches: parseCount('--launches', o.launches, 1, 10_000),
    warmUps: parseCount('--warmup', o.warmup, 1, 10_000),
    judgedRows: parseCount('--check-rows', o.checkRows, 1),
    seed: parseCount('--seed', o.seed, 0, 2 ** 31),
    deadlineMs: 5000,
    peaks,
  } satisfies Partial<LayerBench>;
  if (o.untracedLibrary !== undefined && (o.ranks !== '1' || o.trace === 'on')) {
    throw new InputError('--untraced-library: expected one rank, and tracing off or both');
  }
  return plannedRuns(layers, parseRanks(o.ranks), gpus).map(({ layer, ranks }) => {
    return { layer, bench: { ...common, ranks, tile: tileFor(layer, o.gemm, tile, ranks / gpus) } };
  });
}

/** PyTorch loads before anything runs: where it is missing, that is known at once. */
async function startBaseline(options: Options): Promise<Baseline | null> {
  if (options.baseline === 'none') return null;
  const script = join(packageRoot(), 'kernel', 'bench', 'torch_moe.py');
  try {
    return await Baseline.start(options.python, script);
  } catch (error) {
    if (!(error instanceof BaselineError)) throw error;
    const remedy = 'name one with --python, or leave it out with --baseline none';
    throw new InputError(`--baseline torch: ${error.message}; ${remedy}`, { cause: error });
  }
}

function fileOf(
  options: Options,
  peaks: NamedPeaks,
  baseline: Baseline | null,
  entries: readonly BenchEntry[],
): BenchFile {
  return {
    tool: 'kerneltwin gpu bench',
    version: 1,
    emulated: emulatedEntries(entries),
    date: new Date().toISOString().slice(0, 10),
    peaks: {
      tensorTflops: peaks.flopPerMs / 1e9,
      memoryTbPerS: peaks.bytesPerMs / 1e9,
      machine: peaks.machine,
    },
    settings: {
      launches: Number(options.launches),
      warmUps: Number(options.warmup),
      judgedRows: Number(options.checkRows),
      seed: Number(options.seed),
      trace: options.trace,
    },
    torch: baseline?.facts ?? null,
    entries: [...entries],
  };
}

/** Samples of a timing on one line each, so that a diff of two files can be read. */
function textOf(file: BenchFile): string {
  const text = JSON.stringify(file, null, 1);
  return `${text.replaceAll(/\[[\s\d.,e+-]*\]/g, (list) => list.replaceAll(/\s+/g, ' '))}\n`;
}

function entryLine(entry: BenchEntry): string {
  const name = `${entry.name}, ${entry.ranks === 1 ? '1 rank' : `${entry.ranks} ranks`}`;
  if (entry.state !== 'measured') return `${name}: ${entry.state}`;
  const { problems } = entry.result.check;
  const { ms } = benchFigures(entry);
  const time = ms === null ? 'not timed' : `${ms.toFixed(4)} ms`;
  const right = problems.length === 0 ? 'right' : `WRONG: ${problems[0]}`;
  return `${name}: ${time}, ${right} (${entry.seconds} s)`;
}

function interrupted(entries: readonly BenchEntry[], out: string | undefined): Interrupted {
  const kept =
    out === undefined || entries.length === 0 ? 'nothing was written' : `${out} has them`;
  return new Interrupted(`interrupted: ${entries.length} layers were finished, ${kept}`);
}
