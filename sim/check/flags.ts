import { Round, rounds, stages } from '../moe/generated/layout.ts';
import { cellRowBlocks, dispatchFlags, gemm1Cols, type Shape } from '../moe/layout.ts';
import type { Placement } from '../moe/placement.ts';

/** Whether a flag belongs to the dispatch round. */
export function isDispatchFlag(s: Shape, flag: number): boolean {
  return flag < dispatchFlags(s);
}

/** Source rank of a dispatch flag. */
export function flagSource(s: Shape, flag: number): number {
  return Math.floor(flag / s.slots);
}

/** Slot, on the rank that owns the flag, of a dispatch flag. */
export function flagSlot(s: Shape, flag: number): number {
  return flag % s.slots;
}

/** Global expert of a combine flag. */
export function flagExpert(s: Shape, flag: number): number {
  return Math.floor((flag - dispatchFlags(s)) / gemm1Cols(s) / cellRowBlocks(s));
}

/** Row block of a combine flag. */
export function flagBlock(s: Shape, flag: number): number {
  return Math.floor((flag - dispatchFlags(s)) / gemm1Cols(s)) % cellRowBlocks(s);
}

/** Column tile of a combine flag. */
export function flagColumn(s: Shape, flag: number): number {
  return (flag - dispatchFlags(s)) % gemm1Cols(s);
}

/** The rank that must send a flag of its owner: the source of a dispatch cell, or the home of a combine tile's expert. */
export function flagSender(s: Shape, placement: Placement, flag: number): number {
  if (isDispatchFlag(s, flag)) return flagSource(s, flag);
  const expert = flagExpert(s, flag);
  return expert < s.experts ? placement.home(expert).rank : -1;
}

/** Cell of a heap row, field by field. */
export interface HeapPlace {
  readonly source: number;
  readonly round: number;
  readonly stage: number;
  readonly slot: number;
  readonly row: number;
}

/** Takes a heap row of a `Put` apart: the inverse of `heapRow(cellIndex(...), row)`. */
export function heapPlace(s: Shape, heapRow: number): HeapPlace {
  const cell = Math.floor(heapRow / s.capacity);
  const stageIndex = Math.floor(cell / s.slots);
  const roundIndex = Math.floor(stageIndex / stages);
  return {
    source: Math.floor(roundIndex / rounds),
    round: roundIndex % rounds,
    stage: stageIndex % stages,
    slot: cell % s.slots,
    row: heapRow % s.capacity,
  };
}

/** A cell's round for people. */
export function roundName(round: number): string {
  return round === Round.Dispatch ? 'dispatch' : 'combine';
}
