import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordPool } from '../../../sim/engine/record-pool.ts';

describe('record pool', () => {
  test('takes the lowest free record, whatever was taken and freed before', () => {
    // How many are taken, then which of those in use are freed.
    const step = fc.tuple(fc.nat(700), fc.array(fc.nat(5000), { maxLength: 400 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const pool = new RecordPool(3);
        const used = new Set<number>();
        for (const [takes, frees] of steps) {
          for (let n = 0; n < takes; n++) {
            const record = pool.take();
            expect(used.has(record)).toBe(false);
            let lowest = 0;
            while (used.has(lowest)) lowest++;
            expect(record).toBe(lowest);
            used.add(record);
          }
          for (const place of frees) {
            const record = [...used][place % Math.max(1, used.size)];
            if (record === undefined) break;
            pool.free(record);
            used.delete(record);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('keeps the words of records in use when it grows', () => {
    const pool = new RecordPool(2);
    for (let n = 0; n < 5000; n++) {
      const record = pool.take();
      pool.words[2 * record] = n;
      pool.words[2 * record + 1] = n + 7;
    }
    for (let n = 0; n < 5000; n++) {
      expect([pool.words[2 * n], pool.words[2 * n + 1]]).toEqual([n, n + 7]);
    }
  });
});
