import type { BitSet } from './bit-set.ts';
import { firstPollAt } from './polling.ts';

/**
 * Where a warp is that polls positions 0, 1, ... in turn, only the live ones, and makes one check at the end of each sweep.
 * Times of future polls follow from it as long as no live position is settled: that takes a find, which moves it on.
 */
export class PollCursor {
  readonly #live: BitSet;
  readonly #pollNs: number;
  readonly #checkNs: number;
  /** Position that is polled next, if live, and when that poll begins. */
  #position = 0;
  #since: number;

  /** Starts at position 0 at time `since`. A poll takes `pollNs`, the check at the end of a sweep `checkNs`. */
  constructor(live: BitSet, since: number, pollNs: number, checkNs: number) {
    this.#live = live;
    this.#since = since;
    this.#pollNs = pollNs;
    this.#checkNs = checkNs;
  }

  /** Goes on at `position` (one over the last: the check) at time `since`. */
  moveTo(position: number, since: number): void {
    this.#position = position;
    this.#since = since;
  }

  /** End of the first poll of a live `position` that reads a word visible at `visible`. */
  pollSees(position: number, visible: number): number {
    const live = this.#live;
    const before = live.countBelow(position) - live.countBelow(this.#position);
    const wraps = position < this.#position;
    const polls = before + (wraps ? live.size : 0) + 1;
    const first = this.#since + polls * this.#pollNs + (wraps ? this.#checkNs : 0);
    return firstPollAt(first, this.#sweepNs(), visible);
  }

  /** End of the first check that reads a word visible at `visible`. */
  checkSees(visible: number): number {
    const polls = this.#live.size - this.#live.countBelow(this.#position);
    const first = this.#since + polls * this.#pollNs + this.#checkNs;
    return firstPollAt(first, this.#sweepNs(), visible);
  }

  /** The first of `positions` in polling order, all of them visible by now; -1 when there is none. */
  nextOf(positions: BitSet): number {
    const ahead = positions.nextFrom(this.#position);
    return ahead >= 0 ? ahead : positions.nextFrom(0);
  }

  /** When the cursor last moved. */
  get since(): number {
    return this.#since;
  }

  #sweepNs(): number {
    return this.#live.size * this.#pollNs + this.#checkNs;
  }
}
