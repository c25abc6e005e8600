/** Private memory of the processors of one rank that run COMBINE beside tiles: a record a processor. */
export class StreamWords {
  readonly words: Int32Array;
  readonly reals: Float64Array;

  constructor(processors: number) {
    this.words = new Int32Array(processors * streamStride);
    this.reals = new Float64Array(processors * streamReals);
  }
}

/** Most COMBINE tasks that may wait with a processor. */
export const mostWaiting = 8;

/** Integers and reals of a record. */
export const streamStride = 32;
export const streamReals = 4;

/** Integers of a record. Tasks are stored plus one; zero: none. */
export const Stream = {
  /** Gate and dispatch are behind it. */
  open: 0,
  /** The stream of tiles: what it runs, and the doorbell it came with. */
  tile: 1,
  tileSequence: 2,
  /** Parts it still waits for: its tensor work, bytes from memory. */
  tileParts: 3,
  /** The COMBINE on the helpers. */
  aside: 4,
  asideSequence: 5,
  /** COMBINE tasks that wait: first, how many, then task and sequence of each, round a ring. */
  waitingFirst: 6,
  waiting: 7,
  waitingRing: 8,
} as const;

/** Reals of a record. */
export const StreamReal = {
  /** Ticks that the running tile, or the COMBINE, takes after what it shares has been served. */
  tileTailNs: 0,
  asideTailNs: 1,
  /** When the stream of tiles became free, and when the doorbell that lies in the mailbox came to be seen. */
  freeAt: 2,
  rungAt: 3,
} as const;
