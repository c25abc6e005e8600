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
export const streamStride = 48;
export const streamReals = 8;

/** Integers of a record. */
export const Stream = {
  /** Gate and dispatch are behind it. */
  open: 0,
  /** Tasks of the stream of tiles: the place of the first in the ring, and how many. */
  tileFirst: 1,
  tiles: 2,
  /** What the first of them does: see {@link Front}. */
  front: 3,
  /** 1: the last of them is still in the mailbox. */
  held: 4,
  /** Parts that the one that runs still waits for: its tensor work, bytes from memory. */
  tileParts: 5,
  /** The COMBINE on the helpers, plus one; zero: none. */
  aside: 6,
  asideSequence: 7,
  /** COMBINE tasks that wait: the place of the first in the ring, and how many. */
  waitingFirst: 8,
  waiting: 9,
  /** Task and sequence of each, {@link mostWaiting} of them. */
  waitingRing: 10,
  /** Task and sequence of each task of the stream of tiles, tileSlots of them. */
  tileRing: 26,
} as const;

/** The first task of the stream of tiles waits, its beginning is scheduled, or it runs. */
export const Front = { waits: 0, scheduled: 1, runs: 2 } as const;

/** Reals of a record. */
export const StreamReal = {
  /** Ticks that the running tile, or the COMBINE, takes after what it shares has been served. */
  tileTailNs: 0,
  asideTailNs: 1,
  /** When the stream of tiles became free, and when the doorbell that lies in the mailbox came to be seen. */
  freeAt: 2,
  rungAt: 3,
  /** When each place of the ring of tiles has its task's addresses. */
  readyAt: 4,
} as const;
