/**
 * What the scheduler and a processor know of each other, and what the processor knows of its task: one record of 64 bytes a
 * processor, a cache line, because an event of a task touches most of it and worlds hold hundreds of thousands.
 */
export class ProcessorWords {
  /** Reals and integers of all records: the same memory. */
  readonly reals: Float64Array;
  readonly words: Int32Array;

  constructor(processors: number) {
    this.reals = new Float64Array(processors * realStride);
    this.words = new Int32Array(this.reals.buffer);
    for (let p = 0; p < processors; p++) this.words[p * wordStride + Word.bellTaken] = 1;
  }
}

/** Reals and integers of a record. */
export const realStride = 8;
export const wordStride = 16;

/** Reals of a record. */
export const Real = {
  /** Ticks the running task takes after what it shares has been served. */
  tailNs: 0,
  /** When the scheduler can see the status word. */
  statusVisible: 1,
} as const;

/** Integers of a record; the first four lie under the reals. */
export const Word = {
  /** Doorbell: task and sequence last rung, whether it is the exit, whether the processor has taken it. */
  bellTask: 4,
  bellSequence: 5,
  bellExit: 6,
  bellTaken: 7,
  /** Status: the sequence whose mailbox is free again. */
  status: 8,
  /** Task that runs, and the doorbell it came with. */
  task: 9,
  sequence: 10,
  /** What the running task still waits for: its share of the SM, a stream from memory. */
  parts: 11,
  /** A processor takes doorbells only while it is neither dispatching nor executing. */
  busy: 12,
  rung: 13,
} as const;
