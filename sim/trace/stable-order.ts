/**
 * Rows in ascending (major, minor) order, equal rows in their old order. Bottom-up merge sort on indices: n log n with
 * two index arrays and no comparator objects; one pass when the rows are sorted already, which a simulator's are.
 */
export function stableOrder(length: number, major: Uint32Array, minor: Float64Array): Uint32Array {
  let from = new Uint32Array(length);
  for (let row = 0; row < length; row++) from[row] = row;
  if (isSorted(length, major, minor)) return from;
  let to = new Uint32Array(length);
  for (let width = 1; width < length; width *= 2) {
    for (let begin = 0; begin < length; begin += 2 * width) {
      const middle = Math.min(begin + width, length);
      merge(from, to, begin, middle, Math.min(middle + width, length), major, minor);
    }
    [from, to] = [to, from];
  }
  return from;
}

function isSorted(length: number, major: Uint32Array, minor: Float64Array): boolean {
  for (let row = 1; row < length; row++) if (after(row - 1, row, major, minor)) return false;
  return true;
}

/** True when row x belongs strictly after row y. */
function after(x: number, y: number, major: Uint32Array, minor: Float64Array): boolean {
  const high = (major[x] ?? 0) - (major[y] ?? 0);
  return high > 0 || (high === 0 && (minor[x] ?? 0) > (minor[y] ?? 0));
}

function merge(
  from: Uint32Array,
  to: Uint32Array,
  begin: number,
  middle: number,
  end: number,
  major: Uint32Array,
  minor: Float64Array,
): void {
  let left = begin;
  let right = middle;
  for (let out = begin; out < end; out++) {
    const x = from[left] ?? 0;
    const y = from[right] ?? 0;
    const takeRight = left >= middle || (right < end && after(x, y, major, minor));
    to[out] = takeRight ? y : x;
    if (takeRight) right++;
    else left++;
  }
}
