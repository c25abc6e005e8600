/** What a queue entry of GEMM0 tasks holds: kernel/include/kerneltwin/protocol/queue.h in TypeScript. */

/** GEMM0 tasks that an entry should not exceed. */
const entryTasks = 128;

/**
 * Row blocks of a dispatch cell, of `gemm0Cols` tiles each, that share an entry, because they share the expert's weights; at
 * least 1.
 */
export function entryRowBlocks(gemm0Cols: number): number {
  return Math.max(1, Math.floor(entryTasks / gemm0Cols));
}
