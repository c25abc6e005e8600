import type { EventIndex } from './event-index.ts';
import { readyCount } from './fields.ts';
import { KeyIndex } from './key-index.ts';

/** The life of a task, in order; each step is one event kind. */
export const taskSteps = ['ready', 'committed', 'consumed', 'started', 'finished'] as const;
export type TaskStep = (typeof taskSteps)[number];

/** One step of every task: its first row (-1: never) and how many events there were. */
export interface StepColumn {
  readonly row: Int32Array;
  readonly count: Uint16Array;
}

/** Every (launch, rank, task) that any event names, as columns; a task's number is its index. */
export interface TaskTable {
  readonly length: number;
  readonly launch: Uint32Array;
  readonly rank: Uint16Array;
  readonly task: Uint32Array;
  readonly steps: Readonly<Record<TaskStep, StepColumn>>;
  /** Row of a commit, consumption, start or finish -> its task's number; -1 for other rows. */
  readonly taskOf: Int32Array;
  /** Number of a task, -1 when no event names it. */
  find(launch: number, rank: number, task: number): number;
}

/** Collects the steps of every task: one pass over the rows of five kinds. */
export function tabulateTasks(index: EventIndex): TaskTable {
  const { events } = index.trace;
  const ready = index.rowsOf('TasksReady');
  let most = 0;
  for (const row of ready) most += readyCount(events.b[row]!);
  const kinds = ['TaskCommitted', 'TaskConsumed', 'TaskStarted', 'TaskFinished'] as const;
  for (const kind of kinds) most += index.rowsOf(kind).length;
  const keys = new KeyIndex(most / 4);
  const launch = new Uint32Array(most);
  const rank = new Uint16Array(most);
  const task = new Uint32Array(most);
  const taskOf = new Int32Array(events.kind.length).fill(-1);
  const column = (): StepColumn => ({
    row: new Int32Array(most).fill(-1),
    count: new Uint16Array(most),
  });
  const all = [column(), column(), column(), column(), column()] as const;

  const note = (step: StepColumn, row: number, name: number): number => {
    const before = keys.size;
    const number = keys.add(events.launch[row]! * 65_536 + events.rank[row]!, name);
    if (number === before) {
      launch[number] = events.launch[row]!;
      rank[number] = events.rank[row]!;
      task[number] = name;
    }
    if (step.row[number]! < 0) step.row[number] = row;
    step.count[number] = step.count[number]! + 1;
    return number;
  };
  for (const row of ready) {
    const count = readyCount(events.b[row]!);
    for (let i = 0; i < count; i++) note(all[0], row, events.a[row]! + i);
  }
  kinds.forEach((kind, i) => {
    for (const row of index.rowsOf(kind)) taskOf[row] = note(all[i + 1]!, row, events.a[row]!);
  });

  const length = keys.size;
  const trim = ({ row, count }: StepColumn): StepColumn => ({
    row: row.subarray(0, length),
    count: count.subarray(0, length),
  });
  const [first, committed, consumed, started, finished] = all;
  return {
    length,
    launch: launch.subarray(0, length),
    rank: rank.subarray(0, length),
    task: task.subarray(0, length),
    steps: {
      ready: trim(first),
      committed: trim(committed),
      consumed: trim(consumed),
      started: trim(started),
      finished: trim(finished),
    },
    taskOf,
    find: (l, r, t) => keys.find(l * 65_536 + r, t),
  };
}
