/**
 * The hold model: a queue holds a constant number of events; one hold takes the earliest and adds one after a random
 * delay. Delays are exponential with mean 1e9 ticks, so at 10,000 pending two neighbours lie 1e5 ticks apart.
 */

/** 65,536 delays, the same in every driver (tests/bench/peers/hold.h). */
export function exponentialDelays(): Float64Array {
  const delays = new Float64Array(1 << 16);
  let state = 0x9e3779b9 | 0;
  for (let i = 0; i < delays.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    delays[i] = Math.round(-Math.log(((state >>> 0) + 1) / 4294967297) * 1e9);
  }
  return delays;
}

/**
 * Delays as an execution of the protocol has them: most are one latency, the same every time, the others a task or a
 * launch. No bucket width suits all of them.
 */
export function mixedDelays(): Float64Array {
  return exponentialDelays().map((delay, i) => {
    if (i % 10 < 7) return 262;
    return i % 10 < 9 ? 10_000 + Math.floor(delay / 1e6) : 1_000_000 + Math.floor(delay / 1e3);
  });
}

/** Processor seconds of this process so far, garbage collector and compiler threads included. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** A contender: made for a number of pending events, it runs a number of holds. */
export type Contender = (pending: number, delays: Float64Array) => (holds: number) => void;
