import type { Timeline } from '../engine/simulation.ts';

/** Leftovers under this many ticks of service are rounding: a tile ends at the tick its last work is served in. */
const roundingTicks = 1e-6;

/** Reals of a record. */
const leftAt = 0;
const rateAt = 1;
const updatedAt = 2;
const wakeAt = 3;
const markAt = 4;
const wholeAt = 5;
const reals = 8;

/** Least mark, in nanoseconds of work: nothing is left, but the tile has not been told so. */
const leastMark = 1e-3;

/**
 * The tensor work of the tile that each processor computes, in nanoseconds of a whole processor. While a COMBINE runs beside
 * it, the tile has what that leaves: a fixed share, because the helpers take issue slots and memory ports, not tensor
 * cores. 64 bytes a processor; a start, an end or a change of the rate costs O(1).
 */
export class TileWork {
  readonly #sim: Timeline;
  readonly #processors: number;
  readonly #besideRate: number;
  readonly #done: number;
  readonly #reached: number;
  readonly #wake: number;
  readonly #reals: Float64Array;

  /**
   * `share`: of a processor that a COMBINE beside a tile takes, under one. `done(rank, processor)` ends a tile's work,
   * `reached(rank, processor)` tells that a mark is reached.
   */
  constructor(
    sim: Timeline,
    sizes: { readonly ranks: number; readonly processors: number; readonly share: number },
    done: number,
    reached: number,
  ) {
    const { ranks, processors, share } = sizes;
    if (!(share >= 0 && share < 1)) {
      throw new RangeError(`tile work: expected a share from 0 to under 1, got ${share}`);
    }
    this.#sim = sim;
    this.#processors = processors;
    this.#besideRate = 1 - share;
    this.#done = done;
    this.#reached = reached;
    this.#wake = sim.handle((rank, p) => this.#onWake(rank, p));
    this.#reals = new Float64Array(ranks * processors * reals);
    for (let at = 0; at < this.#reals.length; at += reals) {
      this.#reals[at + rateAt] = 1;
      this.#reals[at + wakeAt] = Number.POSITIVE_INFINITY;
    }
  }

  /** Starts `work` on a processor that has none. */
  start(rank: number, p: number, work: number): void {
    const at = this.#recordOf(rank, p);
    if (!(work > 0) || this.#reals[at + leftAt] !== 0) {
      throw new RangeError(
        `tile work: expected an idle processor and positive work, got ${work} for processor ${p}`,
      );
    }
    this.#reals[at + leftAt] = work;
    this.#reals[at + wholeAt] = work;
    this.#reals[at + updatedAt] = this.#sim.now;
    this.#schedule(rank, p, at);
  }

  /** A COMBINE begins (true) or ends to run beside whatever tile the processor has. */
  setBeside(rank: number, p: number, runs: boolean): void {
    const at = this.#recordOf(rank, p);
    this.#advance(at);
    this.#reals[at + rateAt] = runs ? this.#besideRate : 1;
    if (this.#reals[at + leftAt]! > 0) this.#schedule(rank, p, at);
  }

  /**
   * True when at most `share` of the tile's work is left, or it has none. False otherwise, and `reached` is called when that
   * has come; of several marks only the last one asked for.
   */
  hasAtMost(rank: number, p: number, share: number): boolean {
    const at = this.#recordOf(rank, p);
    if (this.#reals[at + leftAt] === 0) return true;
    this.#advance(at);
    const mark = Math.max(leastMark, share * this.#reals[at + wholeAt]!);
    if (this.#reals[at + leftAt]! <= mark + 2 * roundingTicks) return true;
    this.#reals[at + markAt] = mark;
    this.#schedule(rank, p, at);
    return false;
  }

  #recordOf(rank: number, p: number): number {
    return (rank * this.#processors + p) * reals;
  }

  /** Serves the tile up to now at the rate since the last change; one that is done keeps a trace of work until it is told. */
  #advance(at: number): void {
    const f = this.#reals;
    const left = f[at + leftAt]!;
    if (left > 0) {
      const served = f[at + rateAt]! * (this.#sim.now - f[at + updatedAt]!);
      f[at + leftAt] = Math.max(Number.MIN_VALUE, left - served);
    }
    f[at + updatedAt] = this.#sim.now;
  }

  #schedule(rank: number, p: number, at: number): void {
    const work = Math.max(0, this.#reals[at + leftAt]! - this.#reals[at + markAt]!);
    const ticks = Math.ceil(work / this.#reals[at + rateAt]! - roundingTicks);
    const time = this.#sim.now + Math.max(0, ticks);
    if (time === this.#reals[at + wakeAt]) return;
    this.#reals[at + wakeAt] = time;
    this.#sim.at(time, this.#wake, rank, p);
  }

  #onWake(rank: number, p: number): void {
    const at = this.#recordOf(rank, p);
    // A wake-up of before a change of the rate.
    if (this.#sim.now !== this.#reals[at + wakeAt]) return;
    this.#reals[at + wakeAt] = Number.POSITIVE_INFINITY;
    if (this.#reals[at + markAt]! > 0) {
      this.#reals[at + markAt] = 0;
      this.#advance(at);
      this.#schedule(rank, p, at);
      this.#sim.call(this.#reached, rank, p);
      return;
    }
    this.#reals[at + leftAt] = 0;
    this.#sim.call(this.#done, rank, p);
  }
}
