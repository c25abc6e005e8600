import type { EventKind, EventKindName } from './generated/events.ts';

/** Code of an event kind, as stored in {@link EventColumns.kind}. */
export type EventKindCode = (typeof EventKind)[EventKindName];

/**
 * Which half, or helper, produced a trace. Nothing downstream may branch on it except to print it, and to keep what no GPU
 * measured from passing for a measurement: `emulator` is the kernel's own code on an emulated GPU.
 */
export type TraceSource = 'simulator' | 'gpu' | 'emulator' | 'explorer';

/**
 * The events of a trace as parallel columns, all of the same length. Rows are sorted by (launch, time); rows of one
 * actor keep their record order.
 */
export interface EventColumns {
  /** Integer nanoseconds since the first event of the launch; exact below 2^53. */
  readonly time: Float64Array;
  readonly launch: Uint32Array;
  readonly rank: Uint16Array;
  /** `processor * 32`; the OS block's warps come after the last processor: `processors * 32 + warp`. */
  readonly actor: Uint32Array;
  readonly kind: Uint8Array;
  readonly aux: Uint16Array;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
}

/** One rank's launch: see {@link processorsOf}. */
export interface RankActors {
  /** Blocks that were launched, those of the OS included. */
  readonly blocks: number;
  /** Processors, each of `blocks / (processors + 1)` blocks. Absent: `blocks - 1`, of one block each. */
  readonly processors?: number;
  readonly subscribers: number;
}

/** What every trace says about itself. Plain JSON; stored beside the columns. */
export interface TraceHeader {
  readonly version: number;
  readonly source: TraceSource;
  /** Program and version, and a SHA-256 of the producing program's code. */
  readonly producer: { readonly name: string; readonly version: string; readonly hash: string };
  /** The resolved scenario (see sim/moe/scenario). Opaque here: the trace package depends on nothing above it. */
  readonly scenario: unknown;
  /** SHA-256 of the canonical JSON of `scenario`. */
  readonly scenarioHash: string;
  readonly seed: number;
  readonly launches: number;
  /** Launch number of the first launch in the file: epochs before it were not recorded. */
  readonly firstLaunch: number;
  readonly readiness: 'eager' | 'lazy';
  readonly policy: string;
  readonly ranks: readonly RankActors[];
  readonly clock: {
    readonly unit: 'ns';
    /** How far the clocks of two actors of one rank, and of two ranks, may disagree. */
    readonly residualNs: { readonly sameRank: number; readonly crossRank: number };
    readonly method: string;
  };
  /** Kept rows per launch: `[launch][source rank][global expert]`, as the producer routed them. */
  readonly rows: readonly (readonly (readonly number[])[])[];
  /** Events lost to full rings, per rank; any non-zero count makes order monitors undecidable. */
  readonly lostEvents: readonly number[];
  /** Machine the trace was made on or simulates: name and free-form facts. */
  readonly machine: {
    readonly name: string;
    readonly facts: Readonly<Record<string, string | number>>;
  };
  /** Wall time of each launch measured from outside (CUDA events), milliseconds; empty for the simulator. */
  readonly launchMs: readonly number[];
}

export interface Trace {
  readonly header: TraceHeader;
  readonly events: EventColumns;
}

/** Version that this code writes and reads: the value of {@link TraceHeader.version}. */
export const traceVersion = 1;
