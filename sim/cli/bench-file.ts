import type { BaselineFacts, BaselineFailure, BaselineResult } from '../gpu/bench-baseline.ts';
import type { Cost, LayerResult } from '../gpu/bench-result.ts';
import type { TraceChoice } from '../gpu/bench-settings.ts';

/** What became of one layer on one number of ranks. */
export type BenchEntry =
  | {
      readonly state: 'measured';
      readonly name: string;
      readonly ranks: number;
      readonly seconds: number;
      readonly result: LayerResult;
      /** null: none was asked for, or there are several ranks. */
      readonly baseline: BaselineResult | BaselineFailure | null;
    }
  | {
      readonly state: 'failed';
      readonly name: string;
      readonly ranks: number;
      readonly problem: string;
    }
  | { readonly state: 'no time left'; readonly name: string; readonly ranks: number };

/** What `kerneltwin gpu bench` writes. */
export interface BenchFile {
  readonly tool: 'kerneltwin gpu bench';
  readonly version: 1;
  /** The library ran on the emulated GPU: outputs are judged, times are no measurement. */
  readonly emulated: boolean;
  /** Day of the measurement, UTC. */
  readonly date: string;
  readonly peaks: {
    readonly tensorTflops: number;
    readonly memoryTbPerS: number;
    /** Machine profile they are from. */
    readonly machine: string;
  };
  readonly settings: {
    readonly launches: number;
    readonly warmUps: number;
    readonly judgedRows: number;
    readonly seed: number;
    readonly trace: TraceChoice;
  };
  readonly torch: BaselineFacts | null;
  readonly entries: readonly BenchEntry[];
}

/** Figures of a measured layer; null where nothing was timed (emulated GPU). */
export interface BenchFigures {
  /** Median of events around a launch, ms. */
  readonly ms: number | null;
  /** Median of the GPU's time alone, ms. */
  readonly gpuMs: number | null;
  readonly tflops: number | null;
  /** Roofline's least time over `ms`. */
  readonly share: number | null;
  readonly torchMs: number | null;
  readonly torchGpuMs: number | null;
  /** Times as fast as PyTorch. */
  readonly speedup: number | null;
}

export type MeasuredEntry = Extract<BenchEntry, { state: 'measured' }>;

/** Tracing is off in the figures wherever it was measured off. */
export function benchFigures({ result, baseline }: MeasuredEntry): BenchFigures {
  const timings = result.timings.off ?? result.timings.on;
  const ms = timed(timings?.events.median);
  const torch = baseline === null || 'error' in baseline ? null : baseline;
  const torchMs = timed(torch?.events.median);
  return {
    ms,
    gpuMs: timed(timings?.gpu.median),
    tflops: ms === null ? null : result.roofline.flop / ms / 1e9,
    share: ms === null ? null : result.roofline.ms / ms,
    torchMs,
    torchGpuMs: timed(torch?.gpu?.median),
    speedup: ms === null || torchMs === null ? null : torchMs / ms,
  };
}

function timed(ms: number | undefined): number | null {
  return ms === undefined || ms <= 0 ? null : ms;
}

/** Whether all that was measured is right. */
export function entryRight(entry: BenchEntry): boolean {
  if (entry.state === 'failed') return false;
  return entry.state === 'no time left' || entry.result.check.problems.length === 0;
}

/** `+1.50 ± 0.10 %` */
export function costText({ cost, plusMinus }: Cost): string {
  return `${cost < 0 ? '' : '+'}${(100 * cost).toFixed(2)} \u00b1 ${(100 * plusMinus).toFixed(2)} %`;
}
