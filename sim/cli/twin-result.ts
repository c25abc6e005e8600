import type { Comparison } from '../compare/compare.ts';
import type { Scenario } from '../moe/scenario.ts';
import type { JudgedHalf } from '../report/page.ts';
import { type ExitCode, exitCodes } from './outcome.ts';

/** What a twin run found. */
export interface TwinResult {
  readonly scenario: Scenario;
  readonly simulated: JudgedHalf;
  readonly measured: JudgedHalf | null;
  readonly measuredFrom: string | null;
  /** Why there is no measured half; empty where there is one. */
  readonly missing: string;
  readonly comparison: Comparison | null;
  readonly files: readonly string[];
}

/** What `--json` prints and comparison.json holds. `gpu` is null, with the reason, where nothing was compared. */
export function twinJson(result: TwinResult): object {
  const { scenario, simulated, measured, measuredFrom, missing, comparison, files } = result;
  const half = (judged: JudgedHalf): object => ({
    header: { ...judged.half.trace.header, scenario: undefined, rows: undefined },
    metrics: judged.half.metrics,
    check: judged.check,
  });
  return {
    scenario,
    clean: exitCodeOf(result) === exitCodes.clean,
    simulated: half(simulated),
    gpu: measured && { from: measuredFrom, ...half(measured) },
    ...(measured === null ? { reason: missing } : {}),
    comparison,
    files,
  };
}

/** 1 where anything that could be judged is wrong. */
export function exitCodeOf({ simulated, measured, comparison }: TwinResult): ExitCode {
  const clean =
    simulated.check.clean &&
    (measured?.check.clean ?? true) &&
    (comparison?.taskSets.matched ?? true);
  return clean ? exitCodes.clean : exitCodes.violations;
}
