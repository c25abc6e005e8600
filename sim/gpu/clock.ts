/**
 * Times of ring records in nanoseconds on one clock per GPU, with a bound on the error.
 *
 * An SM's own clock counts cycles; the timer all SMs share advances in steps (32 ns on an H200). Each ring holds two
 * readings of both. All SMs run at one rate, so the rate comes from all rings of a launch together, and each ring's
 * offset from where its two readings allow it to lie: a reading of the timer is old by less than two of its steps,
 * because now and then it takes two at once.
 */
import type { Ring } from './ring.ts';

/** Rings of one launch on one GPU with their place on that GPU's timer. */
export interface RingClocks {
  /** Timer value that times are relative to. */
  readonly originNs: bigint;
  readonly nsPerTick: number;
  /** Step of the timer: the largest that explains every reading. */
  readonly stepNs: number;
  /** Per ring: time of tick 0, ns since the origin; not an integer. */
  readonly offsets: readonly number[];
  /** How far the times of two rings may disagree, given one constant rate. */
  readonly residualNs: number;
}

/** Rings that recorded nothing have no readings and no say. */
function recorded(ring: Ring): boolean {
  return ring.written > 0;
}

/** Fits the clocks of one launch's rings on one GPU. Throws when no ring recorded anything or time went back. */
export function fitClocks(rings: readonly Ring[]): RingClocks {
  const used = rings.filter(recorded);
  const firstRing = used[0];
  if (firstRing === undefined) throw new Error('no trace ring has a record');
  let originNs = firstRing.first.ns;
  for (const ring of used) if (ring.first.ns < originNs) originNs = ring.first.ns;
  const nsPerTick = commonRate(used);
  const stepNs = timerStep(used, originNs);
  const lag = 2 * stepNs;

  let worst = 0;
  const offsets = rings.map((ring) => {
    if (!recorded(ring)) return 0;
    const early = Number(ring.first.ns - originNs);
    const late = Number(ring.last.ns - originNs) - Number(span(ring).ticks) * nsPerTick;
    // Each reading says: tick 0 lies in [reading, reading + lag). Where both cannot hold, the rate varied, and tick 0
    // lies anywhere between the two.
    const apart = Math.abs(early - late);
    worst = Math.max(worst, apart <= lag ? (lag - apart) / 2 : (lag + apart) / 2);
    return (early + late + lag) / 2;
  });
  const residualNs = Math.ceil(2 * worst + rateSpread(used, lag));
  return { originNs, nsPerTick, stepNs, offsets, residualNs };
}

/**
 * What the common rate's own error adds between the shortest and the longest ring, ns: each ring's span on the timer is
 * uncertain by `lag`, so the rate by at most rings x lag over all ticks. Nothing where all rings last equally long.
 */
function rateSpread(rings: readonly Ring[], lag: number): number {
  const ticks = rings.map((ring) => Number(span(ring).ticks));
  const total = ticks.reduce((sum, n) => sum + n, 0);
  return ((rings.length * lag) / total) * ((Math.max(...ticks) - Math.min(...ticks)) / 2);
}

function span(ring: Ring): { ns: bigint; ticks: bigint } {
  const ns = ring.last.ns - ring.first.ns;
  const ticks = ring.last.ticks - ring.first.ticks;
  if (ns < 0n || ticks < 0n) {
    throw new Error(
      `actor ${ring.actor}, launch ${ring.launch}: its clock went back between its anchors`,
    );
  }
  return { ns, ticks };
}

/** Nanoseconds a tick: long spans weigh more, so the timer's steps wash out. */
function commonRate(rings: readonly Ring[]): number {
  let ns = 0n;
  let ticks = 0n;
  for (const ring of rings) {
    const both = span(ring);
    ns += both.ns;
    ticks += both.ticks;
  }
  if (ticks === 0n || ns === 0n) {
    throw new Error('the anchors of all trace rings are equal: the clock rate cannot be told');
  }
  return Number(ns) / Number(ticks);
}

/** Greatest common divisor of all readings' distances; 1 when nothing can be told. */
function timerStep(rings: readonly Ring[], originNs: bigint): number {
  let step = 0n;
  for (const ring of rings) {
    for (const { ns } of [ring.first, ring.last]) {
      let rest = ns - originNs;
      while (rest !== 0n) [step, rest] = [rest, step % rest];
    }
  }
  return step === 0n ? 1 : Number(step);
}
