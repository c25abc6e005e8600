/** What the kernel's test programs printed, as figures. */
import type { KernelCases } from '../../sim/cli/kernel-data.ts';

const caseLine = /^(?:PASS|FAIL) ranks=(\d+) .* error ([\d.e+-]+)/;
const endLine = /^(\d+) passed, (\d+) failed$/;
const litmusLine = /^\S+ +(\d+) instances, forbidden (\d+), hung (\d+)/;

/**
 * @param tests output of gpu_cases, several numbers of ranks after each other
 * @param litmus output of litmus; null: it was not run
 */
export function casesOf(
  tests: string,
  litmus: string | null,
): Pick<KernelCases, 'runs' | 'largestError' | 'litmus'> {
  const runs: KernelCases['runs'][number][] = [];
  let ranks = Number.NaN;
  let largestError = 0;
  for (const line of tests.split('\n')) {
    const one = caseLine.exec(line);
    if (one !== null) {
      ranks = Number(one[1]);
      largestError = Math.max(largestError, Number(one[2]));
    }
    const end = endLine.exec(line);
    if (end !== null) runs.push({ ranks, passed: Number(end[1]), failed: Number(end[2]) });
  }
  return { runs, largestError, litmus: litmus === null ? null : litmusOf(litmus) };
}

function litmusOf(text: string): NonNullable<KernelCases['litmus']> {
  const shapes = text.split('\n').flatMap((line) => {
    const found = litmusLine.exec(line);
    return found === null ? [] : [found.slice(1).map(Number)];
  });
  const total = (index: number): number => shapes.reduce((sum, own) => sum + (own[index] ?? 0), 0);
  const instances = Math.min(...shapes.map(([count = 0]) => count));
  return { shapes: shapes.length, instances, forbidden: total(1), hung: total(2) };
}
