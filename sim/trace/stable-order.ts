/** The columns that put events in order. */
export interface OrderColumns {
  readonly launch: Uint32Array;
  readonly time: Float64Array;
  readonly rank: Uint16Array;
  readonly actor: Uint32Array;
}

/**
 * Rows in canonical order: by (launch, time, rank, actor), rows equal in all four in their old order. So the same
 * events give the same trace in whatever order actors handed them in. One pass when rows come sorted by (launch, time),
 * as a simulator's do; otherwise a merge sort on indices.
 */
export function canonicalOrder(columns: OrderColumns): Uint32Array {
  const order = timeOrder(columns);
  const { launch, time } = columns;
  let begin = 0;
  for (let end = 1; end <= order.length; end++) {
    const x = order[begin]!;
    const y = order[end]!;
    if (end < order.length && launch[x] === launch[y] && time[x] === time[y]) continue;
    if (end - begin > 1) sortTies(order.subarray(begin, end), columns);
    begin = end;
  }
  return order;
}

/**
 * Rows by (launch, time), equal rows in their old order. Bottom-up merge sort: two index arrays, no comparator. Actors
 * write their records almost in order, so most of two neighbouring runs already stands where it belongs: it is copied,
 * and only where the runs overlap are rows compared one by one.
 */
export function timeOrder(columns: OrderColumns): Uint32Array {
  const { launch, time } = columns;
  const length = time.length;
  let from = new Uint32Array(length);
  for (let row = 0; row < length; row++) from[row] = row;
  if (isSorted(launch, time)) return from;
  for (let begin = 0; begin < length; begin += runRows) {
    insertionSort(from, begin, Math.min(begin + runRows, length), launch, time);
  }
  let to = new Uint32Array(length);
  for (let width = runRows; width < length; width *= 2) {
    for (let begin = 0; begin < length; begin += 2 * width) {
      const middle = Math.min(begin + width, length);
      merge(from, to, begin, middle, Math.min(middle + width, length), launch, time);
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Rows that are sorted by insertion before runs are merged. */
const runRows = 32;

function insertionSort(
  rows: Uint32Array,
  begin: number,
  end: number,
  launch: Uint32Array,
  time: Float64Array,
): void {
  for (let next = begin + 1; next < end; next++) {
    const row = rows[next]!;
    let at = next;
    for (; at > begin && after(rows[at - 1]!, row, launch, time); at--) rows[at] = rows[at - 1]!;
    rows[at] = row;
  }
}

/** Sorts rows of one instant by (rank, actor); the row number, which is the order handed in, breaks ties. */
function sortTies(rows: Uint32Array, { rank, actor }: OrderColumns): void {
  rows.sort((x, y) => rank[x]! - rank[y]! || actor[x]! - actor[y]! || x - y);
}

function isSorted(launch: Uint32Array, time: Float64Array): boolean {
  for (let row = 1; row < time.length; row++) {
    if (after(row - 1, row, launch, time)) return false;
  }
  return true;
}

/** True when row x belongs strictly after row y. */
function after(x: number, y: number, launch: Uint32Array, time: Float64Array): boolean {
  const launches = launch[x]! - launch[y]!;
  return launches > 0 || (launches === 0 && time[x]! > time[y]!);
}

function merge(
  from: Uint32Array,
  to: Uint32Array,
  begin: number,
  middle: number,
  end: number,
  launch: Uint32Array,
  time: Float64Array,
): void {
  to.set(from.subarray(begin, end), begin);
  if (middle >= end || !after(from[middle - 1]!, from[middle]!, launch, time)) return;
  const firstRight = from[middle]!;
  const lastLeft = from[middle - 1]!;
  let left = firstIn(begin, middle, (at) => after(from[at]!, firstRight, launch, time));
  const last = firstIn(middle, end, (at) => !after(lastLeft, from[at]!, launch, time));
  let right = middle;
  for (let out = left; out < last; out++) {
    const x = from[left]!;
    const y = from[right]!;
    const takeRight = left >= middle || (right < last && after(x, y, launch, time));
    to[out] = takeRight ? y : x;
    if (takeRight) right++;
    else left++;
  }
}

/** First number in [begin, end) that a test passes, which then passes all after it; `end` when none does. */
function firstIn(begin: number, end: number, passes: (at: number) => boolean): number {
  let low = begin;
  let high = end;
  while (low < high) {
    const half = (low + high) >>> 1;
    if (passes(half)) high = half;
    else low = half + 1;
  }
  return low;
}
