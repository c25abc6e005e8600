import { initialBound, surplus } from '../../moe/task-set.ts';
import { groupRows } from '../../trace/analysis/row-groups.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';

/**
 * Replays the task bound: from the initial bound, each surplus takes off exactly what its peer will not send, down to the
 * true total; it is never under the total, and the scheduler leaves with bound = scheduled = total.
 */
export const t1Bound: Monitor = {
  id: 'T1',
  title: 'scheduled <= true total <= bound at all times; the bound only falls and converges',
  kinds: ['Surplus', 'Bound', 'TaskCommitted'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, launches, header } = context;
    const key = (row: number): number => pairKey(events.launch[row]!, events.rank[row]!);
    const one = (): number => 0;
    const corrections = groupRows(index.rowsOf('Surplus'), key, one);
    const bounds = groupRows(index.rowsOf('Bound'), key, one);
    const commits = groupRows(index.rowsOf('TaskCommitted'), key, one);
    const rowsOf = (groups: typeof commits, launch: number, rank: number): Uint32Array => {
      const group = groups.find(pairKey(launch, rank), 0);
      return group < 0 ? new Uint32Array() : groups.rows(group).slice();
    };
    for (const launch of launches) {
      for (let rank = 0; rank < header.ranks.length; rank++) {
        judgeChain(context, findings, launch, rank, rowsOf(corrections, launch, rank));
        const scheduled = rowsOf(commits, launch, rank);
        judgeBounds(context, findings, launch, rank, rowsOf(bounds, launch, rank), scheduled);
      }
    }
    return undefined;
  },
};

/** The corrections form one chain of subtractions, from the initial bound to the total. */
function judgeChain(
  context: CheckContext,
  findings: Findings,
  launch: number,
  rank: number,
  corrections: Uint32Array,
): void {
  const { events, shape, placement } = context;
  const total = context.taskTotal(launch, rank);
  const delta = (row: number): number => surplus(shape, placement, rank, events.a[row]!);
  corrections.sort((x, y) => events.b[y]! - events.b[x]! || delta(y) - delta(x) || x - y);
  let bound = initialBound(shape, placement, context.rowsOf(launch), rank);
  for (const row of corrections) {
    const after = events.b[row]!;
    if (after !== bound - delta(row)) {
      const chain = `bound ${after} after a surplus of ${delta(row)} tasks`;
      findings.at(row, `${chain}, it was ${bound}`);
    }
    if (after < total) findings.at(row, `bound ${after} under the true total ${total}`);
    bound = after;
  }
  if (bound === total) return;
  const actors = [`rank ${rank} scheduler`];
  findings.absence(launch, rank, `bound ends at ${bound}, the true total is ${total}`, actors);
}

function judgeBounds(
  context: CheckContext,
  findings: Findings,
  launch: number,
  rank: number,
  bounds: Uint32Array,
  commits: Uint32Array,
): void {
  const { events } = context;
  const total = context.taskTotal(launch, rank);
  if (commits.length > total) {
    findings.at(commits[total]!, `${commits.length} tasks scheduled, the true total is ${total}`);
  }
  for (const row of bounds) {
    if (events.a[row]! < total) {
      findings.at(row, `bound ${events.a[row]} under the true total ${total}`);
    }
    let before = 0;
    for (const commit of commits) if (commit < row) before++;
    if (events.b[row] === before) continue;
    findings.at(row, `counts ${events.b[row]} tasks scheduled, ${before} were committed`);
  }
  const last = bounds[bounds.length - 1];
  if (last === undefined) {
    findings.absence(launch, rank, 'the scheduler recorded no bound', [`rank ${rank} scheduler`]);
  } else if (events.a[last] !== events.b[last]) {
    findings.at(last, `left with ${events.b[last]} of ${events.a[last]} tasks scheduled`);
  }
}
