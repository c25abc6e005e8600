import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TaskDecoder } from '../../../sim/actors/task-decoder.ts';
import { decodeTask, type Shape, taskSpace } from '../../../sim/moe/layout.ts';

const shapes: fc.Arbitrary<Shape> = fc
  .record({
    ranks: fc.integer({ min: 1, max: 5 }),
    slots: fc.integer({ min: 1, max: 5 }),
    blocks: fc.integer({ min: 1, max: 4 }),
    hidden: fc.integer({ min: 1, max: 5 }),
    intermediate: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ ranks, slots, blocks, hidden, intermediate }) => ({
    ranks,
    experts: ranks * slots,
    slots,
    tokens: blocks * 16,
    hidden: hidden * 64,
    intermediate: intermediate * 64,
    topK: 1,
    capacity: blocks * 16,
    tileRows: 16,
    tileCols: 64,
  }));

describe('task decoder', () => {
  test('decodes every task as the layout does', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const decoder = new TaskDecoder(shape);
        for (let index = 0; index < taskSpace(shape); index++) {
          const { op, peer, expert, block, col } = decoder.decode(index);
          expect({ op, peer, expert, block, col }).toEqual(decodeTask(shape, index));
          expect(decoder.operation(index)).toBe(op);
        }
        expect(() => decoder.decode(taskSpace(shape))).toThrow('outside the task space');
        expect(() => decoder.decode(-1)).toThrow('outside the task space');
      }),
      { numRuns: 30 },
    );
  });
});
