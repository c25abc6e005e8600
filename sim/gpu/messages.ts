/** What a run's parent asks of its rank processes, and what they answer. */
import type {
  BindingErrorCode,
  CheckResult,
  DeviceInfo,
  LaunchOptions,
  LaunchResult,
  RingBytes,
  WorldInfo,
  WorldOptions,
} from '../../binding/index.ts';
import type { Scenario } from '../moe/scenario.ts';
import type { BenchStep, BenchVerdict, BenchWorld } from './bench-messages.ts';

export interface JoinRequest {
  readonly device: number;
  readonly rank: number;
  readonly ranks: number;
  readonly uniqueId: Uint8Array;
  /** The rank asks the library how much symmetric memory these worlds need together. */
  readonly worlds: readonly WorldOptions[];
}

export interface InputsRequest {
  readonly scenario: Scenario;
  /** Launch of the scenario whose tokens to upload. */
  readonly launch: number;
  readonly choices: Int32Array;
}

/** Routing as the kernel did it: global expert and row (0xffffffff: dropped) of each of tokens * k choices. */
export interface RoutingResult {
  readonly choices: Uint32Array;
  readonly rows: Uint32Array;
}

/** Requests by name: argument and answer. */
export interface RankCalls {
  load: {
    argument: { readonly library?: string | undefined };
    answer: { readonly version: string; readonly path: string };
  };
  device: { argument: { readonly device: number }; answer: DeviceInfo };
  uniqueId: { argument: null; answer: Uint8Array };
  join: { argument: JoinRequest; answer: null };
  open: { argument: WorldOptions; answer: WorldInfo };
  fill: { argument: { readonly scenario: Scenario }; answer: null };
  inputs: { argument: InputsRequest; answer: null };
  launch: { argument: LaunchOptions; answer: LaunchResult };
  rings: { argument: null; answer: readonly RingBytes[] };
  routing: { argument: { readonly count: number }; answer: RoutingResult };
  check: { argument: { readonly stride: number }; answer: CheckResult };
  benchOpen: { argument: readonly BenchWorld[]; answer: readonly WorldInfo[] };
  benchRun: { argument: readonly BenchStep[]; answer: readonly LaunchResult[] };
  benchJudge: {
    argument: { readonly world: number; readonly stride: number };
    answer: BenchVerdict;
  };
  dump: { argument: null; answer: string };
  close: { argument: null; answer: null };
  /** Ends a running launch; does not wait its turn. */
  abort: { argument: null; answer: null };
}

export type RankCall = keyof RankCalls;

/** To a rank. */
export interface Request {
  readonly id: number;
  readonly call: RankCall;
  readonly argument: RankCalls[RankCall]['argument'];
}

/** A failed request as it crosses the process boundary. */
export interface Failure {
  readonly message: string;
  readonly code?: BindingErrorCode | undefined;
  readonly status?: string | undefined;
  readonly launch?: LaunchResult | undefined;
  readonly stack?: string | undefined;
}

/** From a rank. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: RankCalls[RankCall]['answer'] }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };
