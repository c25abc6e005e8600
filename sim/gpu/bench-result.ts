/** What a benchmark of one layer gives. */
import type { DeviceInfo, WorldInfo } from '../../binding/index.ts';
import type { Layer, LayerOptions } from './bench-layer.ts';
import type { BenchVerdict } from './bench-messages.ts';
import type { Roofline } from './bench-roofline.ts';
import { median, type Timing } from './bench-timing.ts';
import { outputProblems } from './verdict.ts';

/** Times of one trace mode. */
export interface ModeTimings {
  /** CUDA events around the launch on an idle stream, as a program times it: the host's way to the launch counts. */
  readonly events: Timing;
  /** The same events once the launch is queued: the GPU alone. */
  readonly gpu: Timing;
}

/** How much longer one kind of launch takes than another, as a share. */
export interface Cost {
  /** Median of the quotients of neighbouring launches, minus one. */
  readonly cost: number;
  /** Half of the interval that holds the median with about 95 %: 1.57 interquartile ranges over the root of the pairs. */
  readonly plusMinus: number;
}

/** A cost by both ways of timing. */
export interface Costs {
  readonly events: Cost;
  readonly gpu: Cost;
}

/** @param dearer launches, each the neighbour of the one at the same place of `cheaper` */
export function costOf(dearer: readonly number[], cheaper: readonly number[]): Cost {
  const quotients = dearer.map((ms, i) => ms / (cheaper[i] ?? Number.NaN)).sort((a, b) => a - b);
  const middle = quotients.length >> 1;
  const range = median(quotients.slice(-middle)) - median(quotients.slice(0, Math.max(1, middle)));
  return {
    cost: median(quotients) - 1,
    plusMinus: (1.57 * range) / Math.sqrt(quotients.length),
  };
}

/** The same layer by a library without trace code, in turn with the usual one with tracing off. */
export interface UntracedResult {
  readonly library: LayerResult['library'];
  readonly timings: ModeTimings;
  /** What tracing costs while it is off. */
  readonly offCosts: Costs;
}

/** Everything about one layer on one number of ranks. Times over ranks are those of the slowest. */
export interface LayerResult {
  readonly layer: Layer;
  readonly ranks: number;
  readonly gpus: number;
  readonly gemm: LayerOptions['gemm'];
  readonly tile: LayerOptions['tile'];
  readonly policy: LayerOptions['policy'];
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
  /** What tracing costs while it is on; null: not compared. */
  readonly tracing: Costs | null;
  readonly untraced: UntracedResult | null;
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
