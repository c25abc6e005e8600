/** Timing the kernel on one layer: several copies of it in turn, every copy's last output held against fp64. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isGated } from '../moe/scenario.ts';
import { expertsPerRank, type Layer, layerWorld, symmetricBytes } from './bench-layer.ts';
import {
  costOf,
  type LayerResult,
  type ModeTimings,
  summaryOf,
  type UntracedResult,
} from './bench-result.ts';
import { roofline, type Work, workOf } from './bench-roofline.ts';
import { LayerSession, type Opened, type TimedLaunch } from './bench-session.ts';
import { copiesOf, copyBytes, type LayerBench, type Mode, modesOf } from './bench-settings.ts';
import { timingOf } from './bench-timing.ts';
import { GpuRunError } from './errors.ts';
import { type MpsDaemon, startMps } from './mps.ts';
import { defaultTimeouts } from './phases.ts';
import { Ranks } from './ranks.ts';

/**
 * Times a layer. Starts and stops whatever it needs.
 * @throws {GpuRunError} when it cannot be run at all; wrong outputs are in the result
 */
export async function benchLayer(layer: Layer, bench: LayerBench): Promise<LayerResult> {
  const ranksPerGpu = bench.ranks / bench.gpus;
  const stop = stopOn(bench.signal);
  const mps = ranksPerGpu > 1 ? await startMps(ranksPerGpu) : undefined;
  const started: Ranks[] = [];
  const session = (own: LayerBench): LayerSession => {
    const env = {
      NVSHMEM_SYMMETRIC_SIZE: symmetricReserve(layer, own),
      ...process.env,
      ...mps?.env,
    };
    const ranks = new Ranks(own.ranks, env, timeoutsOf(own), stop.stopped);
    started.push(ranks);
    return new LayerSession(layer, own, ranks, copiesOf(layer, bench));
  };
  try {
    const result = await measure(layer, bench, session);
    for (const ranks of started) {
      await ranks.all('close', 'close', 'close', () => null);
      await ranks.endAll();
    }
    return result;
  } finally {
    for (const ranks of started) await ranks.killAll();
    stop.release();
    await stopQuietly(mps, bench);
  }
}

/**
 * Bytes of symmetric heap for NVSHMEM to reserve, which it reads from the environment before anything else; 128 MiB are for what it and
 * the library add.
 */
function symmetricReserve(layer: Layer, bench: LayerBench): string {
  const { shape } = layerWorld(layer, { ...bench, trace: false });
  const worlds = copiesOf(layer, bench) * modesOf(bench.trace).length;
  return String(worlds * symmetricBytes(shape) + 2 ** 27);
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
  const launches = 4 * (bench.launches + bench.warmUps);
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

async function measure(
  layer: Layer,
  bench: LayerBench,
  session: (own: LayerBench) => LayerSession,
): Promise<LayerResult> {
  const ours = session(bench);
  const opened = await ours.open();
  const { untracedLibrary } = bench;
  const library = untracedLibrary;
  const bare = library === undefined ? null : session({ ...bench, library, trace: 'off' });
  const bareOpened = (await bare?.open()) ?? null;
  await inTurn(ours, bare, 'warm-up', bench.warmUps);
  const [launches, bareLaunches] = await inTurn(ours, bare, 'timed launches', bench.launches);
  const verdicts = await ours.judge();
  const bareVerdicts = (await bare?.judge()) ?? [];
  const rows = verdicts[0]?.map((verdict) => verdict.rows) ?? [];
  return {
    ...settingsOf(layer, bench, opened),
    copies: ours.copies,
    copyBytes: copyBytes(layer, bench),
    ...timesOf(bench, launches),
    untraced: bareOpened === null ? null : untracedOf(bareOpened, launches, bareLaunches),
    ...boundOf(layer, bench, rows),
    check: summaryOf([...verdicts, ...bareVerdicts].flat(), layer.tokens),
  };
}

/** Rounds of both sessions. Two take turns round by round, and in who goes first; one runs on without a pause. */
async function inTurn(
  ours: LayerSession,
  bare: LayerSession | null,
  label: string,
  count: number,
): Promise<readonly [readonly TimedLaunch[], readonly TimedLaunch[]]> {
  if (bare === null) return [await ours.rounds(label, 0, count), []];
  const mine: TimedLaunch[] = [];
  const theirs: TimedLaunch[] = [];
  for (let i = 0; i < count; i++) {
    if (i % 2 === 0) theirs.push(...(await bare.rounds(label, i, 1)));
    mine.push(...(await ours.rounds(label, i, 1)));
    if (i % 2 === 1) theirs.push(...(await bare.rounds(label, i, 1)));
  }
  return [mine, theirs];
}

type Settings =
  | 'layer'
  | 'ranks'
  | 'gpus'
  | 'gemm'
  | 'tile'
  | 'policy'
  | 'activation'
  | 'renormalise'
  | 'device'
  | 'library'
  | 'world';

function settingsOf(layer: Layer, bench: LayerBench, opened: Opened): Pick<LayerResult, Settings> {
  const facts = ['name', 'sms', 'clockKhz', 'driverVersion', 'l2Bytes', 'memoryBytes'] as const;
  const parts = ['blocks', 'threads', 'sms', 'registers', 'sharedBytes', 'localBytes'] as const;
  return {
    layer,
    ...pick(bench, ['ranks', 'gpus', 'gemm', 'tile', 'policy', 'activation', 'renormalise']),
    device: pick(opened.device, facts),
    library: libraryOf(opened),
    world: pick(opened.world, parts),
  };
}

function libraryOf({ version, path }: Opened): LayerResult['library'] {
  return { version, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
}

/** Milliseconds of one kind of launch, in the order they were taken: one a round. */
function pickTimes(launches: readonly TimedLaunch[], mode: Mode, held: boolean): number[] {
  return launches.filter((l) => l.mode === mode && l.held === held).map((l) => l.ms);
}

function timingsOf(launches: readonly TimedLaunch[], mode: Mode): ModeTimings {
  return {
    events: timingOf(pickTimes(launches, mode, false)),
    gpu: timingOf(pickTimes(launches, mode, true)),
  };
}

function timesOf(
  bench: LayerBench,
  launches: readonly TimedLaunch[],
): Pick<LayerResult, 'operations' | 'timings' | 'tracing'> {
  const modes = modesOf(bench.trace);
  const timings = (mode: Mode): ModeTimings | null =>
    modes.includes(mode) ? timingsOf(launches, mode) : null;
  const cost = (held: boolean) =>
    costOf(pickTimes(launches, 'on', held), pickTimes(launches, 'off', held));
  return {
    operations: Math.max(...launches.map((l) => l.operations)),
    timings: { off: timings('off'), on: timings('on') },
    tracing: bench.trace === 'both' ? { events: cost(false), gpu: cost(true) } : null,
  };
}

function untracedOf(
  opened: Opened,
  ours: readonly TimedLaunch[],
  bare: readonly TimedLaunch[],
): UntracedResult {
  const cost = (held: boolean) =>
    costOf(pickTimes(ours, 'off', held), pickTimes(bare, 'off', held));
  return {
    library: libraryOf(opened),
    timings: timingsOf(bare, 'off'),
    offCosts: { events: cost(false), gpu: cost(true) },
  };
}

/** @param perRank rows of each global expert, by the rank they come from */
function boundOf(
  layer: Layer,
  bench: LayerBench,
  perRank: readonly (readonly number[])[],
): Pick<LayerResult, 'roofline' | 'rows'> {
  const { ranks, gpus, peaks } = bench;
  const { experts, tokens } = layer;
  const rows = Array.from({ length: experts }, (_, e) =>
    perRank.reduce((sum, own) => sum + (own[e] ?? 0), 0),
  );
  const homes = expertsPerRank(experts, ranks).flatMap((count, rank) =>
    Array.from({ length: count }, () => Math.floor(rank / (ranks / gpus))),
  );
  const work: Work[] = Array.from({ length: gpus }, (_, gpu) =>
    workOf(
      layer,
      rows.filter((_, e) => homes[e] === gpu),
      tokens * (ranks / gpus),
      isGated(bench.activation) ? 3 : 2,
    ),
  );
  const bounds = work.map((own) => roofline(own, peaks)).sort((a, b) => b.ms - a.ms);
  const worst = bounds[0];
  if (worst === undefined) throw new RangeError('no GPUs');
  const hit = rows.filter((n) => n > 0).length;
  return {
    roofline: worst,
    rows: { min: Math.min(...rows), max: Math.max(...rows), experts: hit },
  };
}

function pick<T, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}
