import { type Shape, taskName, taskSpace } from '../moe/layout.ts';

/** A task for people, also one that cannot exist: `GEMM0(source 1, ...)`, or `task 9999 outside the task space`. */
export function taskLabel(s: Shape, task: number): string {
  return task < taskSpace(s) ? taskName(s, task) : `task ${task} outside the task space`;
}
