/** The processor blocks of every rank, as the rest of a launch sees them. */
export interface ProcessorBlocks {
  /** All processors of `rank` turn to the gate and the dispatch of a new launch. */
  beginLaunch(rank: number): void;
  /** A processor has dispatched its share and turns to its mailbox; a lazy one frees it only now. */
  openMailbox(rank: number, processor: number): void;
  /** The launch of `rank` is over: nothing may be left open. */
  endLaunch(rank: number): void;
}
