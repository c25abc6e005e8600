import { benchLayer } from '../gpu/bench.ts';
import { type Baseline, BaselineError, type BaselineFailure } from '../gpu/bench-baseline.ts';
import { type Layer, layerName } from '../gpu/bench-layer.ts';
import type { LayerResult } from '../gpu/bench-result.ts';
import type { LayerBench } from '../gpu/bench-settings.ts';
import { GpuRunError } from '../gpu/errors.ts';
import type { BenchEntry, BenchFile, MeasuredEntry } from './bench-file.ts';
import { errorOutcome } from './error-outcome.ts';
import { exitCodes, Interrupted } from './outcome.ts';

/** One layer on one number of ranks. */
export interface PlannedRun {
  readonly layer: Layer;
  readonly bench: LayerBench;
}

export interface BenchLimits {
  /** The whole benchmark ends within this many seconds after `begin`; null: no limit. */
  readonly seconds: number | null;
  /** When the command began, of performance.now(). */
  readonly begin: number;
  readonly signal: AbortSignal;
}

/** Least time worth starting a layer with while nothing is known of how long one takes. */
const firstGuessS = 15;

/**
 * Runs the layers in order. `finished` gets every entry as soon as it is known.
 * @throws {Interrupted} on the signal
 * @throws {GpuRunError} when this machine cannot run any
 */
export async function runBench(
  runs: readonly PlannedRun[],
  baseline: Baseline | null,
  limits: BenchLimits,
  finished: (entry: BenchEntry) => Promise<void>,
): Promise<void> {
  const elapsed = (): number => (performance.now() - limits.begin) / 1000;
  let longest = firstGuessS;
  let torch = baseline;
  for (const { layer, bench } of runs) {
    const { ranks } = bench;
    const name = layerName(layer);
    const left = limits.seconds === null ? Number.POSITIVE_INFINITY : limits.seconds - elapsed();
    if (left < longest) {
      await finished({ state: 'no time left', name, ranks });
      continue;
    }
    const started = elapsed();
    const deadline = new AbortController();
    const timer = Number.isFinite(left) ? setTimeout(() => deadline.abort(), left * 1000) : null;
    const signal = AbortSignal.any([limits.signal, deadline.signal]);
    try {
      const result = await benchLayer(layer, { ...bench, signal });
      const theirs = ranks > 1 ? null : await theirsOf(torch, layer, bench, result, signal);
      // A baseline that stopped answering cannot be asked again.
      if (theirs !== null && 'gone' in theirs) torch = null;
      const seconds = Number((elapsed() - started).toFixed(1));
      const entry: MeasuredEntry = {
        state: 'measured',
        name,
        ranks,
        seconds,
        result,
        baseline: theirs,
      };
      longest = Math.max(longest === firstGuessS ? 0 : longest, seconds);
      await finished(entry);
    } catch (error) {
      if (limits.signal.aborted) throw new Interrupted('the benchmark was interrupted');
      await finished(
        deadline.signal.aborted
          ? { state: 'no time left', name, ranks }
          : { state: 'failed', name, ranks, problem: problemOf(error) },
      );
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }
}

/** What is missing on this machine ends the benchmark; anything else is this layer's. */
function problemOf(error: unknown): string {
  const { text, code } = errorOutcome(error);
  const ofLayer = error instanceof GpuRunError && error.code === 'UNSUPPORTED';
  if (code === exitCodes.unusable && !ofLayer) throw error;
  return text;
}

async function theirsOf(
  torch: Baseline | null,
  layer: Layer,
  bench: LayerBench,
  ours: LayerResult,
  signal: AbortSignal,
): Promise<MeasuredEntry['baseline'] | (BaselineFailure & { gone: true })> {
  if (torch === null) return null;
  const { activation, renormalise, launches, seed } = bench;
  const order = { activation, renormalise, launches, warmUps: 10, copies: ours.copies, seed };
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
  });
  stopped.catch(() => {});
  try {
    return await Promise.race([torch.measure({ ...layer, ...order }), stopped]);
  } catch (error) {
    if (!(error instanceof BaselineError)) throw error;
    return { error: error.message, gone: true };
  }
}

/** Whether the library ran on the emulated GPU: no driver has version 0. */
export function emulatedEntries(entries: BenchFile['entries']): boolean {
  return entries.some((e) => e.state === 'measured' && e.result.device.driverVersion === 0);
}
