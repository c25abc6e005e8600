/** The kernel's trace rings as it left them: kernel/include/kerneltwin/trace/record.h, byte for byte. */
import {
  EventKind,
  eventFields,
  recordBytes,
  ringHeaderBytes,
  tickBits,
} from '../trace/generated/events.ts';
import type { EventKindCode } from '../trace/trace.ts';

/** Bytes of one ring, little-endian. */
export interface RingBytes {
  readonly header: Uint8Array;
  readonly records: Uint8Array;
}

/** A clock reading of both clocks at once. */
export interface Anchor {
  /** GPU-wide timer, nanoseconds. */
  readonly ns: bigint;
  /** Cycles of the SM's own clock. */
  readonly ticks: bigint;
}

/** One actor's records of one launch, in record order. */
export interface Ring {
  /** `block * 32 + warp` */
  readonly actor: number;
  /** Launch number (epoch). */
  readonly launch: number;
  /** Records written, also those that no longer fitted. */
  readonly written: number;
  /** Records lost because the ring was full. */
  readonly lost: number;
  /** At the first and at the last record. */
  readonly first: Anchor;
  readonly last: Anchor;
  /** Ticks since the first anchor; 40 bits. */
  readonly ticks: Float64Array;
  readonly kind: Uint8Array;
  readonly aux: Uint16Array;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
}

const kinds: ReadonlySet<number> = new Set(Object.values(EventKind));
const highTicks = tickBits - 32;

/** A ring's bytes that no kernel of this version writes. */
export class RingError extends Error {
  constructor(where: string, what: string, expected: string, got: string) {
    super(`${where}: ${what}: expected ${expected}, got ${got}`);
    this.name = 'RingError';
  }
}

/**
 * Decodes a ring. `where` names it in messages, e.g. "rank 0, ring 3".
 * @throws {RingError} when sizes disagree or a record's kind is unknown.
 */
export function decodeRing(where: string, bytes: RingBytes): Ring {
  if (bytes.header.length !== ringHeaderBytes) {
    throw new RingError(where, 'header', `${ringHeaderBytes} bytes`, `${bytes.header.length}`);
  }
  const header = viewOf(bytes.header);
  const capacity = header.getUint32(4, true);
  const written = header.getUint32(8, true);
  const stored = Math.min(written, capacity);
  if (bytes.records.length !== stored * recordBytes) {
    const expected = `${stored} of ${recordBytes} bytes (written ${written}, capacity ${capacity})`;
    throw new RingError(where, 'records', expected, `${bytes.records.length} bytes`);
  }
  return {
    actor: header.getUint32(0, true),
    launch: header.getUint32(12, true),
    written,
    lost: written - stored,
    first: { ns: header.getBigUint64(16, true), ticks: header.getBigUint64(32, true) },
    last: { ns: header.getBigUint64(24, true), ticks: header.getBigUint64(40, true) },
    ...decodeRecords(where, bytes.records, stored),
  };
}

type Records = Pick<Ring, 'ticks' | 'kind' | 'aux' | 'a' | 'b'>;

function decodeRecords(where: string, bytes: Uint8Array, count: number): Records {
  const view = viewOf(bytes);
  const ticks = new Float64Array(count);
  const kind = new Uint8Array(count);
  const aux = new Uint16Array(count);
  const a = new Uint32Array(count);
  const b = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const at = i * recordBytes;
    const high = view.getUint32(at + 4, true);
    ticks[i] = (high & ((1 << highTicks) - 1)) * 4294967296 + view.getUint32(at, true);
    const code = (high >>> highTicks) & 0xff;
    if (!kinds.has(code)) {
      const known = `a kind from 1 to ${Object.keys(eventFields).length}`;
      throw new RingError(where, `record ${i}`, known, `${code}`);
    }
    kind[i] = code;
    aux[i] = high >>> 16;
    a[i] = view.getUint32(at + 8, true);
    b[i] = view.getUint32(at + 12, true);
  }
  return { ticks, kind, aux, a, b };
}

/** The kind of record `i`, known to be one of the codes. */
export function kindOf(ring: Ring, i: number): EventKindCode {
  return ring.kind[i] as EventKindCode;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
