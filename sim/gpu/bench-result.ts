/** What a benchmark of one layer gives. */
import type { DeviceInfo, WorldInfo } from '../../binding/index.ts';
import type { Layer, LayerOptions } from './bench-layer.ts';
import type { BenchVerdict } from './bench-messages.ts';
import type { Roofline } from './bench-roofline.ts';
import type { Timing } from './bench-timing.ts';
import { outputProblems } from './verdict.ts';

/** Times of one trace mode. */
export interface ModeTimings {
  /** CUDA events around the launch on an idle stream, as a program times it: the host's way to the launch counts. */
  readonly events: Timing;
  /** The same events once the launch is queued: the GPU alone. */
  readonly gpu: Timing;
}

/** What tracing costs: the median of on / off over the pairs of one round, minus one. */
export interface TracingCost {
  readonly events: number;
  readonly gpu: number;
}

/** Everything about one layer on one number of ranks. Times over ranks are those of the slowest. */
export interface LayerResult {
  readonly layer: Layer;
  readonly ranks: number;
  readonly gpus: number;
  readonly gemm: LayerOptions['gemm'];
  readonly tile: LayerOptions['tile'];
  readonly activation: LayerOptions['activation'];
  readonly renormalise: boolean;
  readonly device: Pick<
    DeviceInfo,
    'name' | 'sms' | 'clockKhz' | 'driverVersion' | 'l2Bytes' | 'memoryBytes'
  >;
  readonly library: { readonly version: string; readonly sha256: string };
  /** Of rank 0. */
  readonly world: Pick<
    WorldInfo,
    'blocks' | 'threads' | 'sms' | 'registers' | 'sharedBytes' | 'localBytes'
  >;
  /** Copies of weights and tokens that launches took in turn, and the bytes of one on a rank. */
  readonly copies: number;
  readonly copyBytes: number;
  /** GPU operations of one forward pass. */
  readonly operations: number;
  readonly timings: { readonly off: ModeTimings | null; readonly on: ModeTimings | null };
  readonly tracing: TracingCost | null;
  /** Of the GPU that has most to do. */
  readonly roofline: Roofline;
  /** Rows of an expert, from all ranks. */
  readonly rows: { readonly min: number; readonly max: number; readonly experts: number };
  readonly check: CheckSummary;
}

/** The worst of all outputs that were judged. */
export interface CheckSummary {
  readonly outputs: number;
  readonly rowsJudged: number;
  readonly rowsWritten: number;
  readonly relativeError: number;
  readonly maxError: number;
  readonly unwritten: number;
  readonly notFinite: number;
  readonly lostRecords: number;
  /** One line each; empty: right. */
  readonly problems: readonly string[];
}

/** The worst of all verdicts, on outputs of `tokens` rows each. */
export function summaryOf(verdicts: readonly BenchVerdict[], tokens: number): CheckSummary {
  const checks = verdicts.map(({ check }) => check);
  const total = (value: (v: BenchVerdict) => number): number =>
    verdicts.reduce((sum, verdict) => sum + value(verdict), 0);
  const problems = checks.flatMap((check) => outputProblems(check));
  return {
    outputs: checks.length,
    rowsJudged: total(({ check }) => check.tokensChecked),
    rowsWritten: tokens * checks.length,
    relativeError: Math.max(...checks.map((c) => c.relativeError)),
    maxError: Math.max(...checks.map((c) => c.maxError)),
    unwritten: total(({ check }) => check.unwritten),
    notFinite: total(({ check }) => check.notFinite),
    lostRecords: Math.max(...verdicts.map((v) => v.lostRecords)),
    problems: [...new Set(problems)],
  };
}
