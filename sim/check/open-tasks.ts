import { combineTask, type Shape } from '../moe/layout.ts';
import { EventKind } from '../trace/generated/events.ts';
import type { Facts } from './facts.ts';

/** Whether a task is a GEMM tile: of those a processor has one open at a time, and perhaps one COMBINE beside it. */
export function isTile(shape: Shape, task: number): boolean {
  return task < combineTask(shape, 0, 0, 0);
}

/**
 * Row at which the GEMM tile that the actor of `row` has open there started; -1: it has none. COMBINE tasks that start or
 * finish beside the tile are stepped over.
 */
export function openTile({ events, index, shape }: Facts, row: number): number {
  const launch = events.launch[row]!;
  for (let at = index.previous[row]!; at >= 0; at = index.previous[at]!) {
    if (events.launch[at] !== launch) return -1;
    const kind = events.kind[at];
    if (kind !== EventKind.TaskStarted && kind !== EventKind.TaskFinished) continue;
    if (!isTile(shape, events.a[at]!)) continue;
    return kind === EventKind.TaskStarted ? at : -1;
  }
  return -1;
}
