/**
 * Work conservation loss of one rank while its records come: the integral over time of min(idle processors, tasks published
 * and not started), in processor nanoseconds. Some records are handed in a little before their time, so changes wait
 * in order until the clock has passed them: a few dozen at most, because actors write only the very next things ahead.
 */
export class LossMeter {
  lossNs = 0;
  #idle = 0;
  #unstarted = 0;
  #since = 0;
  /** Changes to come, ascending by time; equal times in the order they were handed in. */
  #begin = 0;
  #end = 0;
  #time: Float64Array = new Float64Array(16);
  #idleBy: Int32Array = new Int32Array(16);
  #unstartedBy: Int32Array = new Int32Array(16);

  /** From `time` on, this many more processors are idle and tasks unstarted. Nothing before `now` will still come. */
  change(now: number, time: number, idle: number, unstarted: number): void {
    this.flush(now);
    if (this.#begin === this.#end && time <= now) {
      this.#apply(time, idle, unstarted);
      return;
    }
    if (this.#end === this.#time.length) this.#makeRoom();
    let at = this.#end++;
    for (; at > this.#begin && this.#time[at - 1]! > time; at--) {
      this.#time[at] = this.#time[at - 1]!;
      this.#idleBy[at] = this.#idleBy[at - 1]!;
      this.#unstartedBy[at] = this.#unstartedBy[at - 1]!;
    }
    this.#time[at] = time;
    this.#idleBy[at] = idle;
    this.#unstartedBy[at] = unstarted;
  }

  /** Takes in every change before `now`. */
  flush(now: number): void {
    while (this.#begin < this.#end && this.#time[this.#begin]! < now) {
      const at = this.#begin++;
      this.#apply(this.#time[at]!, this.#idleBy[at]!, this.#unstartedBy[at]!);
    }
  }

  /** A launch begins: nobody is idle, nothing is published. */
  reset(): void {
    this.flush(Number.POSITIVE_INFINITY);
    this.#idle = 0;
    this.#unstarted = 0;
  }

  #apply(time: number, idle: number, unstarted: number): void {
    const pairs = Math.min(this.#idle, this.#unstarted);
    if (pairs > 0) this.lossNs += pairs * (time - this.#since);
    this.#since = time;
    this.#idle += idle;
    this.#unstarted += unstarted;
  }

  #makeRoom(): void {
    const waiting = this.#end - this.#begin;
    const size = waiting > this.#time.length / 2 ? this.#time.length * 2 : this.#time.length;
    const moved = <T extends Float64Array | Int32Array>(from: T, to: T): T => {
      to.set(from.subarray(this.#begin, this.#end));
      return to;
    };
    this.#time = moved(this.#time, new Float64Array(size));
    this.#idleBy = moved(this.#idleBy, new Int32Array(size));
    this.#unstartedBy = moved(this.#unstartedBy, new Int32Array(size));
    this.#begin = 0;
    this.#end = waiting;
  }
}
