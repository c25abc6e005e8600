// The ring of stages through which a wgmma processor copies the operands of its tiles:
// kernel/include/kerneltwin/gemm/wgmma_shape.h and wgmma_ring.cuh.

/** Elements of the depth that a stage holds, two bytes each. */
export const stageDepth = 64;
const lineBytes = 2 * stageDepth;

/** Shared memory of an SM that the ring may have: what the epilogue's buffers and the mailbox leave. */
const ringBytes = 208 * 1024;

/** Tiles that a processor may have in hand, with one that is still in the mailbox: kTileSlots. */
export const tileSlots = 4;

/** Eighths of a tile's copies that are issued when the next tile may leave the mailbox: kLeadEighths. */
const leadEighths = 4;

/** Most tokens of a pair's tile: the kernel has one build for all of them, whose stages hold that many. */
const pairRows = 288;

/** Stages of the ring of each of `blocks` blocks that share tiles of `rows` tokens x `cols` weight rows: as many as fit. */
export function ringStages(rows: number, cols: number, blocks: number): number {
  return stagesOf(blocks === 1 ? rows : Math.max(rows, pairRows), cols / blocks);
}

function stagesOf(rows: number, cols: number): number {
  const most = Math.floor(ringBytes / ((rows + cols) * lineBytes));
  return Math.min(16, Math.max(2, most));
}

/** Of a tile of `steps` stages, the copy after which the next tile may leave the mailbox, counted from 0. */
export function leadCopy(steps: number): number {
  return Math.floor(((steps - 1) * leadEighths) / 8);
}
