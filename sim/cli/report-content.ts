import type { Comparison } from '../compare/compare.ts';
import type { Scenario } from '../moe/scenario.ts';
import type { JudgedHalf, ReportContent } from '../report/page.ts';

/**
 * What a report shows. With a comparison, each half's figures are those of the compared launches, so that page and
 * comparison never differ. `missing` says why there is no measured half.
 */
export function reportContent(
  simulated: JudgedHalf,
  measured: JudgedHalf | null,
  comparison: Comparison | null,
  missing: string,
): ReportContent {
  const scenario = simulated.half.trace.header.scenario as Scenario;
  if (measured === null || comparison === null) {
    return { scenario, simulated, measured: null, comparison: null, missing };
  }
  return {
    scenario,
    simulated: { ...simulated, half: { ...simulated.half, metrics: comparison.simulated } },
    measured: { ...measured, half: { ...measured.half, metrics: comparison.measured } },
    comparison,
    missing: '',
  };
}
