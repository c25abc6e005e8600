import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlowQueue } from '../../../sim/engine/flow-queue.ts';

/** Mostly ascending keys, with ties, and pops in between; -1 pops. */
const steps = fc.array(fc.oneof(fc.constant(-1), fc.constantFrom(0, 0, 0.5, 1, 1.25, 4, 9)), {
  maxLength: 150,
});

describe('flow queue', () => {
  test('gives flows back by key, equal keys in the order they came', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const queue = new FlowQueue();
        const waiting: { key: number; flow: number }[] = [];
        let base = 0;
        const popBoth = (): void => {
          const first = waiting.toSorted((x, y) => x.key - y.key || x.flow - y.flow)[0]!;
          waiting.splice(waiting.indexOf(first), 1);
          expect(queue.firstKey).toBe(first.key);
          queue.pop();
          expect([queue.handler, queue.a, queue.b]).toEqual([first.flow, first.flow + 1, 7]);
        };
        for (const [flow, step] of list.entries()) {
          if (step >= 0) {
            base += step === 0 ? 1 : 0;
            queue.push(base + step, flow, flow + 1, 7);
            waiting.push({ key: base + step, flow });
          } else if (waiting.length > 0) {
            popBoth();
          }
          expect(queue.size).toBe(waiting.length);
        }
        while (waiting.length > 0) popBoth();
        expect(queue.firstKey).toBeNaN();
        expect(() => queue.pop()).toThrow('empty heap');
      }),
    );
  });
});
