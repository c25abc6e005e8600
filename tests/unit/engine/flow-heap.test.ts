import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlowHeap } from '../../../sim/engine/flow-heap.ts';

describe('flow heap', () => {
  test('gives flows back by key, equal keys in the order they came', () => {
    const keys = fc.array(fc.constantFrom(0.5, 1, 1.25, 2, 3), { maxLength: 100 });
    fc.assert(
      fc.property(keys, (list) => {
        const heap = new FlowHeap();
        for (const [i, key] of list.entries()) heap.push(key, i, i + 1, -i);
        const sorted = list
          .map((key, i) => ({ key, i }))
          .sort((x, y) => x.key - y.key || x.i - y.i);
        for (const { key, i } of sorted) {
          expect(heap.firstKey).toBe(key);
          heap.pop();
          expect([heap.handler, heap.a, heap.b + 0]).toEqual([i, i + 1, -i + 0]);
        }
        expect(heap.size).toBe(0);
        expect(heap.firstKey).toBeNaN();
      }),
    );
  });

  test('has nothing to pop when empty', () => {
    expect(() => new FlowHeap().pop()).toThrow('empty heap');
  });
});
