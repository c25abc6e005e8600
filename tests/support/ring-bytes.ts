import { layoutFunctions } from '../../binding/index.ts';
import type { RingBytes } from '../../sim/gpu/ring.ts';

/** One record: ticks, kind, aux, a, b. */
export type RecordFields = readonly [number, number, number, number, number];

export interface RingFields {
  readonly actor?: number;
  readonly launch?: number;
  /** Default: as many as there are records. */
  readonly written?: number;
  readonly capacity?: number;
  /** Readings of the GPU's timer, ns, and of the SM's clock at the first and the last record. */
  readonly anchors?: readonly [bigint, bigint];
  readonly ticks?: readonly [bigint, bigint];
  readonly records: readonly RecordFields[];
}

/** A ring as the kernel leaves it; records are packed by the kernel's own compiled packRecord. */
export function ringBytes(fields: RingFields): RingBytes {
  const { records } = fields;
  const header = new DataView(new ArrayBuffer(48));
  header.setUint32(0, fields.actor ?? 0, true);
  header.setUint32(4, fields.capacity ?? records.length, true);
  header.setUint32(8, fields.written ?? records.length, true);
  header.setUint32(12, fields.launch ?? 0, true);
  [...(fields.anchors ?? [0n, 1024n]), ...(fields.ticks ?? [0n, 2048n])].forEach((word, i) => {
    header.setBigUint64(16 + 8 * i, word, true);
  });
  const body = new DataView(new ArrayBuffer(16 * records.length));
  const layout = layoutFunctions();
  records.forEach(([ticks, kind, aux, a, b], i) => {
    const packed = layout.packRecord(BigInt(ticks), kind, aux, a, b);
    body.setBigUint64(16 * i, packed.head, true);
    body.setBigUint64(16 * i + 8, packed.body, true);
  });
  return { header: new Uint8Array(header.buffer), records: new Uint8Array(body.buffer) };
}
