import { describe, expect, it } from 'vitest';
import { decodeRing, type RingBytes } from '../../../sim/gpu/ring.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { ringBytes } from '../../support/ring-bytes.ts';

describe('decoding a trace ring', () => {
  it('reads header and records field by field', () => {
    const ring = decodeRing(
      'ring 0',
      ringBytes({
        actor: 67,
        launch: 9,
        anchors: [1_800_000_000_000_000_000n, 1_800_000_000_000_001_024n],
        ticks: [123n, 2171n],
        records: [
          [0, EventKind.LaunchBegin, 0, 9, 2],
          [2048, EventKind.TaskFinished, 0xffff, 0xffffffff, 0x80000001],
        ],
      }),
    );
    expect(ring.actor).toBe(67);
    expect(ring.launch).toBe(9);
    expect(ring.first).toEqual({ ns: 1_800_000_000_000_000_000n, ticks: 123n });
    expect(ring.last).toEqual({ ns: 1_800_000_000_000_001_024n, ticks: 2171n });
    expect([...ring.ticks]).toEqual([0, 2048]);
    expect([...ring.kind]).toEqual([EventKind.LaunchBegin, EventKind.TaskFinished]);
    expect([...ring.aux]).toEqual([0, 0xffff]);
    expect([...ring.a]).toEqual([9, 0xffffffff]);
    expect([...ring.b]).toEqual([2, 0x80000001]);
    expect(ring.lost).toBe(0);
  });

  it('keeps all 40 bits of a tick apart from kind and aux', () => {
    const most = 2 ** 40 - 1;
    const ring = decodeRing('ring 0', ringBytes({ records: [[most, EventKind.Exit, 1, 0, 0]] }));
    expect(ring.ticks[0]).toBe(most);
    expect(ring.kind[0]).toBe(EventKind.Exit);
    expect(ring.aux[0]).toBe(1);
  });

  it('counts what a full ring could not hold', () => {
    const records = [[5, EventKind.Sweep, 0, 0, 0]] as const;
    const ring = decodeRing('ring 0', ringBytes({ records, written: 7, capacity: 1 }));
    expect(ring.written).toBe(7);
    expect(ring.lost).toBe(6);
    expect(ring.kind.length).toBe(1);
  });

  it('accepts a ring that starts anywhere in its buffer', () => {
    const { header, records } = ringBytes({ records: [[5, EventKind.Sweep, 0, 1, 2]] });
    const shifted = (bytes: Uint8Array): Uint8Array => {
      const larger = new Uint8Array(bytes.length + 3);
      larger.set(bytes, 3);
      return larger.subarray(3);
    };
    const ring = decodeRing('ring 0', { header: shifted(header), records: shifted(records) });
    expect([ring.ticks[0], ring.a[0], ring.b[0]]).toEqual([5, 1, 2]);
  });

  it.each<[string, RingBytes, string]>([
    [
      'a header of another size',
      { ...ringBytes({ records: [] }), header: new Uint8Array(40) },
      'rank 1, ring 2: header: expected 48 bytes, got 40',
    ],
    [
      'records that the header does not count',
      { ...ringBytes({ records: [] }), records: new Uint8Array(16) },
      'rank 1, ring 2: records: expected 0 of 16 bytes (written 0, capacity 0), got 16 bytes',
    ],
    [
      'an unknown kind',
      ringBytes({ records: [[0, 99, 0, 0, 0]] }),
      'rank 1, ring 2: record 0: expected a kind from 1 to 22, got 99',
    ],
    [
      'a record never written',
      ringBytes({ records: [[0, 0, 0, 0, 0]] }),
      'rank 1, ring 2: record 0: expected a kind from 1 to 22, got 0',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeRing('rank 1, ring 2', bytes)).toThrow(message);
  });
});
