/**
 * Offsets between the timers of several GPUs, from the signals they exchanged: a signal is observed after it was sent,
 * so every signal from A to B bounds B's clock against A's from one side, and every one back from the other.
 */
import { EventKind } from '../trace/generated/events.ts';

/** A signal event on its GPU's own clock. */
export interface SignalStamp {
  readonly kind: number;
  /** Rank that recorded it. */
  readonly rank: number;
  /** Destination of a sent, source of an observed signal. */
  readonly peer: number;
  readonly flag: number;
  readonly timeNs: number;
}

/** Offsets of one launch. */
export interface Alignment {
  /** Per GPU: what to add to its times to get GPU 0's. */
  readonly offsets: readonly number[];
  /** How far two GPUs' aligned times may disagree. */
  readonly residualNs: number;
}

/** Aligns all GPUs with GPU 0. Throws when a GPU exchanged no signals with it in both directions. */
export function alignGpus(
  gpus: number,
  gpuOf: (rank: number) => number,
  signals: readonly SignalStamp[],
): Alignment {
  const least = leastDelays(gpus, gpuOf, signals);
  const offsets: number[] = [0];
  let worst = 0;
  let second = 0;
  for (let gpu = 1; gpu < gpus; gpu++) {
    const away = least[0]?.[gpu] ?? Infinity;
    const back = least[gpu]?.[0] ?? Infinity;
    if (!Number.isFinite(away + back)) {
      throw new Error(`GPU 0 and GPU ${gpu} exchanged no signals: their clocks cannot be aligned`);
    }
    // clock(gpu) - clock(0) is at most `away` and at least `-back`.
    offsets.push((back - away) / 2);
    const half = (away + back) / 2;
    [worst, second] = half > worst ? [half, worst] : [worst, Math.max(second, half)];
  }
  return { offsets, residualNs: Math.ceil(worst + second) };
}

/** Smallest observed minus sent per ordered pair of GPUs, each on its own clock. */
function leastDelays(
  gpus: number,
  gpuOf: (rank: number) => number,
  signals: readonly SignalStamp[],
): number[][] {
  const sent = new Map<string, number>();
  for (const s of signals) {
    if (s.kind === EventKind.SignalSent) sent.set(`${s.rank} ${s.peer} ${s.flag}`, s.timeNs);
  }
  const least = Array.from({ length: gpus }, () => Array.from({ length: gpus }, () => Infinity));
  for (const s of signals) {
    if (s.kind !== EventKind.SignalObserved) continue;
    const start = sent.get(`${s.peer} ${s.rank} ${s.flag}`);
    const row = least[gpuOf(s.peer)];
    const to = gpuOf(s.rank);
    if (start === undefined || row === undefined) continue;
    row[to] = Math.min(row[to] ?? Infinity, s.timeNs - start);
  }
  return least;
}
