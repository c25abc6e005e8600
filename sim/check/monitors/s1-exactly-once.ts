import { taskSteps } from '../../trace/analysis/task-table.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { taskLabel } from '../task-label.ts';

/** Every task that any event names is published, committed, consumed, started and finished once, on one processor. */
export const s1ExactlyOnce: Monitor = {
  id: 'S1',
  title: 'every task is scheduled, started and finished exactly once',
  kinds: ['TasksReady', 'TaskCommitted', 'TaskConsumed', 'TaskStarted', 'TaskFinished'],
  needs: 'all events',
  run(context, findings) {
    const { tasks } = context;
    for (let task = 0; task < tasks.length; task++) {
      if (judgeCounts(context, findings, task)) judgePath(context, findings, task);
    }
    return undefined;
  },
};

function judgeCounts(context: CheckContext, findings: Findings, task: number): boolean {
  const { tasks, shape } = context;
  let once = true;
  for (const step of taskSteps) {
    const { count, row } = tasks.steps[step];
    if (count[task] === 1) continue;
    once = false;
    const name = taskLabel(shape, tasks.task[task]!);
    if (count[task] === 0) {
      const actors = [`rank ${tasks.rank[task]}`];
      const launch = tasks.launch[task]!;
      findings.absence(launch, tasks.rank[task]!, `${name} was never ${step}`, actors);
    } else {
      findings.at(row[task]!, `${name} was ${step} ${count[task]} times`);
    }
  }
  return once;
}

/** Consumed, started and finished in this order by the processor that the commit named, under one sequence. */
function judgePath(context: CheckContext, findings: Findings, task: number): void {
  const { tasks, shape, events, index } = context;
  const { committed, consumed, started, finished } = tasks.steps;
  const commit = committed.row[task]!;
  const path = [consumed.row[task]!, started.row[task]!, finished.row[task]!];
  const lane = index.laneOf[path[0]!]!;
  const name = taskLabel(shape, tasks.task[task]!);
  if (path.some((row) => index.laneOf[row] !== lane)) {
    findings.at(path[0]!, `${name} changed its processor`, ...path);
  } else if (path[0]! > path[1]! || path[1]! > path[2]!) {
    findings.at(path[1]!, `${name} was not consumed, started and finished in this order`);
  }
  const { role, index: processor } = index.lanes[lane]!;
  if (role !== 'processor' || processor !== events.aux[commit]) {
    findings.at(path[0]!, `${name} was committed to processor ${events.aux[commit]}`, commit);
  } else if (events.b[commit] !== events.b[path[0]!] || events.b[commit] !== events.b[path[1]!]) {
    findings.at(path[0]!, `${name} ran under another doorbell sequence than it was rung with`);
  }
}
