/** Judging a recorded launch's results, before anyone looks at its trace. */
import type { CheckResult } from '../../binding/index.ts';
import type { Routing } from '../moe/routing.ts';
import type { RoutingResult } from './messages.ts';

/** Largest relative error of a bf16 output against the fp64 reference. */
export const maxRelativeError = 1e-2;

/** Mark of a dropped choice in the kernel's table of rows. */
const droppedRow = 0xffffffff;

/** What was wrong with one rank's output; empty: nothing. */
export function outputProblems(check: CheckResult): string[] {
  const problems: string[] = [];
  // Written so that a NaN is a problem too.
  if (!(check.relativeError <= maxRelativeError)) {
    const where = `token ${check.worstToken}, column ${check.worstColumn}`;
    problems.push(
      `relative error ${check.relativeError} over ${maxRelativeError} (largest ${check.maxError} at ${where})`,
    );
  }
  const zero = {
    'output elements never written': check.unwritten,
    'output elements not finite': check.notFinite,
    'choices the fp64 router refutes': check.routingMismatches,
    'rows out of token order or capacity': check.placementMismatches,
    'scales off': check.scaleMismatches,
  };
  for (const [what, count] of Object.entries(zero)) {
    if (count !== 0) problems.push(`${count} ${what}`);
  }
  return problems;
}

/** First difference between the kernel's routing of one rank and the scenario's; undefined: none. */
export function routingProblem(
  result: RoutingResult,
  routing: Routing,
  launch: number,
  rank: number,
  topK: number,
): string | undefined {
  const choices = routing.choices[launch]?.[rank];
  const kept = routing.kept[launch]?.[rank];
  if (choices === undefined || kept === undefined) return `no routing for launch ${launch}`;
  if (result.choices.length !== choices.length) {
    return `expected ${choices.length} choices, got ${result.choices.length}`;
  }
  for (let i = 0; i < choices.length; i++) {
    const place = `token ${Math.floor(i / topK)}, choice ${i % topK}`;
    if (result.choices[i] !== choices[i]) {
      return `${place}: expected expert ${choices[i]}, got ${result.choices[i]}`;
    }
    const row = result.rows[i] === droppedRow ? -1 : result.rows[i];
    if (row !== kept[i]) return `${place}: expected row ${kept[i]} (-1: dropped), got ${row}`;
  }
  return undefined;
}

/** Kept rows per global expert, as the kernel placed them. */
export function keptPerExpert(result: RoutingResult, experts: number): number[] {
  const counts = Array.from({ length: experts }, () => 0);
  result.choices.forEach((expert, i) => {
    if (result.rows[i] !== droppedRow) counts[expert] = (counts[expert] ?? 0) + 1;
  });
  return counts;
}
