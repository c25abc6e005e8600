/** Nearest-rank summary of a set of samples. All values in the unit of the samples; zeros when there are none. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
  readonly max: number;
}

/** Summarises samples. Nearest rank, not interpolation: every reported value is one that was measured. */
export function distribution(samples: ArrayLike<number>): Distribution {
  const sorted = Float64Array.from(samples).sort();
  let sum = 0;
  for (const sample of sorted) sum += sample;
  return {
    count: sorted.length,
    sum,
    min: sorted[0] ?? 0,
    p10: quantile(sorted, 10),
    median: quantile(sorted, 50),
    p90: quantile(sorted, 90),
    max: sorted.at(-1) ?? 0,
  };
}

/** The smallest sample that at least `percent` % of the ascending samples do not exceed. */
export function quantile(ascending: Float64Array, percent: number): number {
  const place = Math.ceil((ascending.length * percent) / 100);
  return ascending[Math.max(0, place - 1)] ?? 0;
}
