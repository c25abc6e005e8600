/** Times of repeated launches, milliseconds. */
export interface Timing {
  readonly median: number;
  readonly min: number;
  /** 95 % of the launches took at most this. */
  readonly p95: number;
  /** In the order they were taken. */
  readonly samples: readonly number[];
}

/** @throws {RangeError} without samples */
export function timingOf(samples: readonly number[]): Timing {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (index: number): number => {
    const value = sorted[index];
    if (value === undefined) throw new RangeError('no launch was timed');
    return value;
  };
  return {
    median: median(samples),
    min: at(0),
    p95: at(Math.ceil(0.95 * sorted.length) - 1),
    samples: samples.map((ms) => Number(ms.toPrecision(6))),
  };
}

/** @throws {RangeError} without values */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError('no values');
  return (lower + upper) / 2;
}
