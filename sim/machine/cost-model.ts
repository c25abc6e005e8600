import type { Beside, Machine } from './constants.ts';

/** Bytes of an element: bf16. */
const elementBytes = 2;

/** Whole nanoseconds that `work` takes at `rate` a nanosecond. */
function ticks(work: number, rate: number): number {
  return Math.ceil(work / rate);
}

/**
 * Work of a GEMM tile of `rows` x `cols` over `depth`, in nanoseconds of a whole SM: the larger of its tensor work and its
 * operand bytes from L2. `rows` counts padding: the tensor cores multiply it too. What must come from HBM first is a flow
 * of its own, shared with other SMs.
 */
export function gemmTileWork(m: Machine, rows: number, cols: number, depth: number): number {
  const tensor = ticks(2 * rows * cols * depth, m.tensorFlopPerNs);
  const bytes = ticks((rows + cols) * depth * elementBytes, m.smL2BytesPerNs);
  return Math.max(tensor, bytes);
}

/** Bytes of a `rows` x `cols` tile of a matrix. */
export function tileBytes(rows: number, cols: number): number {
  return rows * cols * elementBytes;
}

/**
 * A COMBINE tile: arrival counters, then for the tokens it completes, `rowsRead` rows summed into `tokens` rows of
 * `cols` columns each.
 */
export function combineTileNs(m: Machine, tokens: number, rowsRead: number, cols: number): number {
  return m.combineTaskNs + ticks((rowsRead + tokens) * cols * elementBytes, m.combineBytesPerNs);
}

/** Stores `bytes` from one SM into memory of its own GPU. */
export function storeNs(m: Machine, bytes: number): number {
  return ticks(bytes, m.smCopyBytesPerNs);
}

/**
 * The gate of one of `blocks` blocks on an SM, over `rows` tokens with padding: it streams the tokens through a narrow
 * product, which keeps neither tensor cores nor memory busy, while the SM's other blocks do the same.
 */
export function gateBlockNs(m: Machine, rows: number, hidden: number, blocks: number): number {
  return m.gateNs + ticks(rows * hidden * elementBytes, m.gateBytesPerNs / blocks);
}

/** The machine as each of `blocks` blocks on one SM sees it while all of them stream: an even share of the SM's rates. */
export function sharedMachine(m: Machine, blocks: number): Machine {
  return {
    ...m,
    smHbmBytesPerNs: m.smHbmBytesPerNs / blocks,
    smCopyBytesPerNs: m.smCopyBytesPerNs / blocks,
    combineBytesPerNs: m.combineBytesPerNs / blocks,
    smLinkBytesPerNs: m.smLinkBytesPerNs / blocks,
  };
}

/**
 * The machine as a processor that spans several SMs sees it: the rates of all of them. Its tile is split by weight rows
 * between the SMs and its token rows reach all of them by one read.
 */
export function spannedMachine(m: Machine, sms: number): Machine {
  return {
    ...m,
    tensorFlopPerNs: m.tensorFlopPerNs * sms,
    smHbmBytesPerNs: m.smHbmBytesPerNs * sms,
    smL2BytesPerNs: m.smL2BytesPerNs * sms,
    smCopyBytesPerNs: m.smCopyBytesPerNs * sms,
    combineBytesPerNs: m.combineBytesPerNs * sms,
    smLinkBytesPerNs: m.smLinkBytesPerNs * sms,
  };
}

/** COMBINE beside tiles on a processor of several SMs: each SM's helpers, or consumers, take their part of the rows. */
export function spannedBeside(b: Beside, sms: number): Beside {
  return {
    ...b,
    asideBytesPerNs: b.asideBytesPerNs * sms,
    wideBytesPerNs: b.wideBytesPerNs * sms,
  };
}

/** Groups of 128 counts, one a block and expert, that every block reads before it can number its rows. */
export function countGroups(blocks: number, experts: number): number {
  return Math.ceil((blocks * experts) / 128);
}
