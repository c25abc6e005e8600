/** Counts marks at positions and sums over prefixes, each in log n (a Fenwick tree). */
export class CountTree {
  readonly #sums: Uint32Array;

  constructor(length: number) {
    this.#sums = new Uint32Array(length + 1);
  }

  /** Adds a mark at `position`, from 0. */
  add(position: number): void {
    for (let i = position + 1; i < this.#sums.length; i += i & -i) {
      this.#sums[i] = this.#sums[i]! + 1;
    }
  }

  /** Marks at positions under `position`. */
  below(position: number): number {
    let sum = 0;
    for (let i = position; i > 0; i -= i & -i) sum += this.#sums[i]!;
    return sum;
  }
}

/** Position of the first of ascending `rows` that is `row` or later. */
export function lowerBound(rows: Uint32Array, row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
