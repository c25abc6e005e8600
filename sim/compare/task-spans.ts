import { gemm0Tasks, gemm1Tasks } from '../moe/layout.ts';
import { readyCount } from '../trace/analysis/fields.ts';
import { EventKind, warpsPerActorBlock } from '../trace/generated/events.ts';
import type { Trace } from '../trace/trace.ts';
import type { LaunchRows } from './launches.ts';
import type { World } from './world.ts';

/** Task operations in the order of the task space. */
export const ops = ['GEMM0', 'GEMM1', 'COMBINE'] as const;
export type OpName = (typeof ops)[number];

/** One execution of a task by a processor. Times in ns since the launch began; NaN where the trace has no such event. */
export interface TaskSpan {
  readonly rank: number;
  /** Processor block within the rank. */
  readonly processor: number;
  readonly task: number;
  readonly op: OpName;
  readonly ready: number;
  readonly committed: number;
  readonly started: number;
  readonly finished: number;
}

/** Operation of a task index: which region of the task space it falls into. */
export function opName(world: World, task: number): OpName {
  const gemm0 = gemm0Tasks(world.shape);
  if (task < gemm0) return 'GEMM0';
  return task < gemm0 + gemm1Tasks(world.shape) ? 'GEMM1' : 'COMBINE';
}

/**
 * Executions of one launch in the order they finished. A processor may run a COMBINE beside a GEMM tile, so its starts and
 * finishes pair by task. A task that ran twice has two spans; one that never finished has none.
 */
export function taskSpans(trace: Trace, world: World, rows: LaunchRows): readonly TaskSpan[] {
  const { time, rank, actor, kind, a, b } = trace.events;
  const ready = new Map<number, number>();
  const committed = new Map<number, number>();
  /** By processor: when the tasks that it runs started. */
  const running = new Map<number, Map<number, number>>();
  const spans: TaskSpan[] = [];
  for (let row = rows.begin; row < rows.end; row++) {
    const at = time[row] ?? 0;
    const owner = rank[row] ?? 0;
    const task = a[row] ?? 0;
    const processor = Math.floor((actor[row] ?? 0) / warpsPerActorBlock);
    switch (kind[row]) {
      case EventKind.TasksReady:
        for (let i = 0; i < readyCount(b[row] ?? 0); i++) ready.set(key(owner, task + i), at);
        break;
      case EventKind.TaskCommitted:
        committed.set(key(owner, task), at);
        break;
      case EventKind.TaskStarted: {
        const open = running.get(key(owner, processor)) ?? new Map<number, number>();
        running.set(key(owner, processor), open.set(task, at));
        break;
      }
      case EventKind.TaskFinished: {
        const open = running.get(key(owner, processor));
        const started = open?.get(task);
        if (open === undefined || started === undefined) break;
        open.delete(task);
        spans.push({
          rank: owner,
          processor,
          task,
          op: opName(world, task),
          ready: ready.get(key(owner, task)) ?? Number.NaN,
          committed: committed.get(key(owner, task)) ?? Number.NaN,
          started,
          finished: at,
        });
        break;
      }
      default:
    }
  }
  return spans;
}

/** One number for a (rank, 32-bit value) pair; exact below 2^53. */
function key(rank: number, value: number): number {
  return rank * 4294967296 + value;
}
