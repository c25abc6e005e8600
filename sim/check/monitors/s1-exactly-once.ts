import { taskSteps } from '../../trace/analysis/task-table.ts';
import { EventKind } from '../../trace/generated/events.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { isTile } from '../open-tasks.ts';
import { taskLabel } from '../task-label.ts';

/**
 * Every task that any event names is published, committed, consumed, started and finished once, on one processor; and a
 * processor runs one task at a time, but for a COMBINE, which may run beside a GEMM tile or another COMBINE.
 */
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
    judgeOneAtATime(context, findings);
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
  const consume = consumed.row[task]!;
  const start = started.row[task]!;
  const finish = finished.row[task]!;
  const lane = index.laneOf[consume]!;
  const name = (): string => taskLabel(shape, tasks.task[task]!);
  if (index.laneOf[start] !== lane || index.laneOf[finish] !== lane) {
    findings.at(consume, `${name()} changed its processor`, consume, start, finish);
  } else if (consume > start || start > finish) {
    findings.at(start, `${name()} was not consumed, started and finished in this order`);
  }
  const { role, index: processor } = index.lanes[lane]!;
  if (role !== 'processor' || processor !== events.aux[commit]) {
    findings.at(consume, `${name()} was committed to processor ${events.aux[commit]}`, commit);
  } else if (events.b[commit] !== events.b[consume] || events.b[commit] !== events.b[start]) {
    findings.at(consume, `${name()} ran under another doorbell sequence than it was rung with`);
  }
}

/** Tasks that a processor may run at once: a GEMM tile and a COMBINE beside it, or two COMBINEs. */
const mostAtOnce = 2;

/** No GEMM tile starts on a processor while another is open there, and no task while two are. */
function judgeOneAtATime({ events, index, shape }: CheckContext, findings: Findings): void {
  // By lane: rows of the starts of what is open.
  const lanes: number[][] = index.lanes.map(() => []);
  for (let row = 0; row < events.kind.length; row++) {
    const kind = events.kind[row];
    if (kind !== EventKind.TaskStarted && kind !== EventKind.TaskFinished) continue;
    const lane = index.laneOf[row]!;
    const open = lanes[lane]!.filter((start) => events.launch[start] === events.launch[row]);
    lanes[lane] = open;
    const task = events.a[row]!;
    if (kind === EventKind.TaskFinished) {
      lanes[lane] = open.filter((start) => events.a[start] !== task);
      continue;
    }
    const tile = isTile(shape, task) ? open.find((at) => isTile(shape, events.a[at]!)) : undefined;
    const before = tile ?? (open.length < mostAtOnce ? undefined : open[0]);
    if (before !== undefined) {
      const others = (tile === undefined ? open : [tile]).map((at) =>
        taskLabel(shape, events.a[at]!),
      );
      const what = `${taskLabel(shape, task)} started while ${others.join(' and ')} ran on the same processor`;
      findings.at(row, what, before);
    }
    open.push(row);
  }
}
