import { rankTasks } from '../../moe/task-set.ts';
import { taskSteps } from '../../trace/analysis/task-table.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { taskLabel } from '../task-label.ts';

/**
 * The tasks of every rank and launch are those that follow from its kept rows, computed without the actors; and the rows
 * can come from its tokens: k a token when nothing may be dropped, never more.
 */
export const s2OracleTasks: Monitor = {
  id: 'S2',
  title: "the task multiset equals the oracle's, computed from the routing alone",
  kinds: ['TasksReady', 'TaskCommitted', 'TaskFinished'],
  needs: 'all events',
  run(context, findings) {
    const { launches, header, tasks, shape, placement } = context;
    let matched = 0;
    const expected = new Uint8Array(tasks.length);
    for (const launch of launches) {
      for (let rank = 0; rank < header.ranks.length; rank++) {
        for (const task of rankTasks(shape, placement, context.rowsOf(launch), rank)) {
          const number = tasks.find(launch, rank, task);
          if (number >= 0) {
            expected[number] = 1;
            matched++;
          } else {
            const name = taskLabel(shape, task);
            findings.absence(launch, rank, `${name} is missing`, [`rank ${rank}`]);
          }
        }
      }
    }
    judgeRows(context, findings);
    if (matched < tasks.length) reportExtra(context, findings, expected);
    return { note: `${matched} tasks as the oracle has them` };
  },
};

function judgeRows(context: CheckContext, findings: Findings): void {
  const { model } = context.scenario;
  for (const launch of context.launches) {
    context.rowsOf(launch).forEach((experts, rank) => {
      const kept = experts.reduce((sum, rows) => sum + rows, 0);
      const routed = model.tokens[rank]! * model.topK;
      const dropless = model.capacityFactor === null;
      if (dropless ? kept === routed : kept <= routed) return;
      const what = `rank ${rank} keeps ${kept} rows of ${routed} routed ones`;
      findings.absence(launch, rank, dropless ? `${what}, dropless` : what, [`rank ${rank}`]);
    });
  }
}

function reportExtra(
  { tasks, shape }: CheckContext,
  findings: Findings,
  expected: Uint8Array,
): void {
  for (let task = 0; task < tasks.length; task++) {
    if (expected[task] === 1) continue;
    const step = taskSteps.find((each) => tasks.steps[each].row[task]! >= 0)!;
    const name = taskLabel(shape, tasks.task[task]!);
    findings.at(tasks.steps[step].row[task]!, `${name} does not follow from the routing`);
  }
}
