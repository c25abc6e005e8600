import { laneFor, laneName } from '../../trace/analysis/event-index.ts';
import { abortCodes, warpsPerActorBlock } from '../../trace/generated/events.ts';
import { processorsOf } from '../../trace/rank-actors.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { taskLabel } from '../task-label.ts';

/** Every actor of every rank exits every launch cleanly, and no task is left between ready and finished. */
export const t5AllExit: Monitor = {
  id: 'T5',
  title: 'every launch terminates: no deadlock, no livelock',
  kinds: ['Exit'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, launches, header } = context;
    const exits = new Set<number>();
    for (const row of index.rowsOf('Exit')) {
      exits.add(events.launch[row]! * index.lanes.length + index.laneOf[row]!);
      const code = events.a[row]!;
      if (code !== 0) findings.at(row, `exited with ${abortCodes[code] ?? `abort code ${code}`}`);
    }
    for (const launch of launches) {
      header.ranks.forEach((actors, rank) => {
        for (const actor of actorsOf(processorsOf(actors), actors.subscribers)) {
          const lane = index.laneAt(rank, actor);
          if (lane >= 0 && exits.has(launch * index.lanes.length + lane)) continue;
          const name = laneName(laneFor(actors, rank, actor));
          findings.absence(launch, rank, `${name} never exited`, [name]);
        }
      });
    }
    judgePending(context, findings);
    return undefined;
  },
};

/** Processors, the scheduler, the subscribers. */
function actorsOf(processors: number, subscribers: number): number[] {
  const actors: number[] = [];
  for (let p = 0; p <= processors; p++) actors.push(p * warpsPerActorBlock);
  const os = processors * warpsPerActorBlock;
  for (let s = 0; s < subscribers; s++) actors.push(os + 1 + s);
  return actors;
}

function judgePending({ tasks, shape }: CheckContext, findings: Findings): void {
  const { ready, committed, finished } = tasks.steps;
  for (let task = 0; task < tasks.length; task++) {
    if (finished.row[task]! >= 0) continue;
    const last = committed.row[task]! >= 0 ? committed.row[task]! : ready.row[task]!;
    const name = taskLabel(shape, tasks.task[task]!);
    if (last >= 0) findings.at(last, `${name} is still pending when its launch ends`);
  }
}
