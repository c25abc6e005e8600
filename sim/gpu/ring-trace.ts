/** From the rings of all ranks to one trace. */
import type { TraceBuilder } from '../trace/builder.ts';
import { EventKind } from '../trace/generated/events.ts';
import { type Alignment, alignGpus, type SignalStamp } from './align.ts';
import { fitClocks, type RingClocks } from './clock.ts';
import { kindOf, type Ring } from './ring.ts';

/** Decoded rings of one launch: `[rank][ring]`. */
export type LaunchRings = readonly (readonly Ring[])[];

/** What the rings said beside their events: fields of a trace's header. */
export interface RingFacts {
  readonly residualNs: { readonly sameRank: number; readonly crossRank: number };
  readonly method: string;
  readonly lostEvents: readonly number[];
  readonly nsPerTick: number;
}

/** Clocks of one launch. */
interface LaunchClocks {
  /** Per GPU. */
  readonly clocks: readonly RingClocks[];
  readonly alignment: Alignment;
  /** Place of a rank's first ring among its GPU's rings. */
  readonly firstRing: readonly number[];
}

/** Adds all launches' events to `builder`; times are integer ns on GPU 0's timer from the launch's own origin. */
export function addRings(
  builder: TraceBuilder,
  launches: readonly LaunchRings[],
  gpuOf: (rank: number) => number,
): RingFacts {
  const ranks = launches[0]?.length ?? 0;
  const lostEvents = Array.from({ length: ranks }, () => 0);
  let sameRank = 0;
  let crossRank = 0;
  let stepBack = 0;
  let nsPerTick = 0;
  let gpus = 1;
  for (const rings of launches) {
    const clocks = fitLaunch(rings, gpuOf);
    gpus = clocks.clocks.length;
    for (let rank = 0; rank < ranks; rank++) {
      for (const ring of rings[rank] ?? []) lostEvents[rank] = (lostEvents[rank] ?? 0) + ring.lost;
    }
    stepBack = Math.max(stepBack, addLaunch(builder, rings, gpuOf, clocks));
    const ofGpu = Math.max(...clocks.clocks.map((c) => c.residualNs));
    sameRank = Math.max(sameRank, ofGpu);
    crossRank = Math.max(crossRank, ofGpu + clocks.alignment.residualNs);
    nsPerTick = clocks.clocks[0]?.nsPerTick ?? 0;
  }
  // Times are rounded to whole ns; records that went back in time were moved up to their predecessor.
  const extra = 1 + Math.ceil(stepBack);
  return {
    residualNs: { sameRank: sameRank + extra, crossRank: crossRank + extra },
    method: methodText(gpus, stepBack),
    lostEvents,
    nsPerTick,
  };
}

function methodText(gpus: number, stepBack: number): string {
  const one =
    "SM cycle counters at one common rate a launch, anchored to the GPU's timer at each ring's first and last " +
    'record; residual: what the timer steps leave open, plus 1 ns of rounding';
  const many = gpus > 1 ? '; GPUs aligned by the fastest signals in both directions' : '';
  const back =
    stepBack > 0 ? `; records up to ${Math.ceil(stepBack)} ns out of order moved up` : '';
  return one + many + back;
}

function fitLaunch(rings: LaunchRings, gpuOf: (rank: number) => number): LaunchClocks {
  const ofGpu: Ring[][] = [];
  const firstRing = rings.map((own, rank) => {
    const list = (ofGpu[gpuOf(rank)] ??= []);
    list.push(...own);
    return list.length - own.length;
  });
  const clocks = ofGpu.map(fitClocks);
  const single: Alignment = { offsets: [0], residualNs: 0 };
  if (clocks.length === 1) return { clocks, alignment: single, firstRing };
  const signals = rings.flatMap((own, rank) =>
    own.flatMap((ring, i) =>
      signalsOf(ring, rank, timesOn(clocks, gpuOf(rank), (firstRing[rank] ?? 0) + i, ring)),
    ),
  );
  return { clocks, alignment: alignGpus(clocks.length, gpuOf, signals), firstRing };
}

/** Maps a ring's ticks to ns since GPU 0's origin, before alignment. */
function timesOn(
  clocks: readonly RingClocks[],
  gpu: number,
  index: number,
  ring: Ring,
): (record: number) => number {
  const own = clocks[gpu];
  const base = clocks[0];
  if (own === undefined || base === undefined) throw new RangeError(`no clock for GPU ${gpu}`);
  const start = Number(own.originNs - base.originNs) + (own.offsets[index] ?? 0);
  return (record) => start + (ring.ticks[record] ?? 0) * own.nsPerTick;
}

function signalsOf(ring: Ring, rank: number, time: (record: number) => number): SignalStamp[] {
  const stamps: SignalStamp[] = [];
  ring.kind.forEach((kind, i) => {
    if (kind !== EventKind.SignalSent && kind !== EventKind.SignalObserved) return;
    stamps.push({ kind, rank, peer: ring.aux[i] ?? 0, flag: ring.a[i] ?? 0, timeNs: time(i) });
  });
  return stamps;
}

/** Returns by how much a record went furthest back behind its predecessor, ns. */
function addLaunch(
  builder: TraceBuilder,
  rings: LaunchRings,
  gpuOf: (rank: number) => number,
  { clocks, alignment, firstRing }: LaunchClocks,
): number {
  let stepBack = 0;
  rings.forEach((own, rank) => {
    own.forEach((ring, index) => {
      const gpu = gpuOf(rank);
      const time = timesOn(clocks, gpu, (firstRing[rank] ?? 0) + index, ring);
      const shift = alignment.offsets[gpu] ?? 0;
      let last = -Infinity;
      for (let i = 0; i < ring.kind.length; i++) {
        const raw = time(i) + shift;
        stepBack = Math.max(stepBack, last - raw);
        last = Math.max(last, raw);
        builder.add(
          Math.round(last),
          ring.launch,
          rank,
          ring.actor,
          kindOf(ring, i),
          ring.aux[i] ?? 0,
          ring.a[i] ?? 0,
          ring.b[i] ?? 0,
        );
      }
    });
  });
  return stepBack;
}
