import { rankTasks } from '../../moe/task-set.ts';
import { taskSteps } from '../../trace/analysis/task-table.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { taskLabel } from '../task-label.ts';

/** The tasks of every rank and launch are those that follow from its kept rows, computed without the actors. */
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
    if (matched < tasks.length) reportExtra(context, findings, expected);
    return { note: `${matched} tasks as the oracle has them` };
  },
};

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
