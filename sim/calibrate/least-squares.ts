/**
 * Coefficients that minimise the sum of squared errors of `values` over `rows`, by the normal equations with pivoting.
 * @throws {RangeError} when the rows do not determine them.
 */
export function leastSquares(
  rows: readonly (readonly number[])[],
  values: readonly number[],
): readonly number[] {
  const size = rows[0]?.length ?? 0;
  // Columns may differ by powers of ten: bytes beside ones.
  const scale = Array.from({ length: size }, (_, c) =>
    Math.max(...rows.map((row) => Math.abs(row[c]!))),
  );
  const system = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (__, j) =>
      rows.reduce((sum, row) => sum + (row[i]! / scale[i]!) * (row[j]! / scale[j]!), 0),
    ),
    rows.reduce((sum, row, n) => sum + (row[i]! / scale[i]!) * values[n]!, 0),
  ]);
  for (let column = 0; column < size; column++) {
    const rest = system.slice(column);
    const pivot = rest.reduce((x, y) => (Math.abs(y[column]!) > Math.abs(x[column]!) ? y : x));
    if (!(Math.abs(pivot[column]!) > 1e-9 * rows.length)) {
      throw new RangeError(`least squares: ${rows.length} rows do not determine ${size} numbers`);
    }
    const at = system.indexOf(pivot);
    [system[column], system[at]] = [pivot, system[column]!];
    for (const row of system) {
      if (row === pivot) continue;
      const factor = row[column]! / pivot[column]!;
      for (let k = column; k <= size; k++) row[k] = row[k]! - factor * pivot[k]!;
    }
  }
  return system.map((row, i) => row[size]! / row[i]! / scale[i]!);
}

/** The nearest-rank quantile of samples, `share` from 0 to 1; NaN when there are none. */
export function quantileOf(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((x, y) => x - y);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function medianOf(samples: readonly number[]): number {
  return quantileOf(samples, 0.5);
}
