import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PendingLists } from '../../../sim/engine/pending-lists.ts';

type Item = readonly [time: number, handler: number, a: number, b: number];

describe('pending lists', () => {
  test('move what is due in order and keep the rest in order', () => {
    const lists = 3;
    const add = fc.record({
      list: fc.nat(lists - 1),
      times: fc.array(fc.nat(40), { maxLength: 120 }),
    });
    const take = fc.record({ list: fc.nat(lists - 1), stop: fc.nat(45) });
    fc.assert(
      fc.property(fc.array(fc.tuple(add, take), { maxLength: 12 }), (steps) => {
        const pending = new PendingLists(lists);
        const model: Item[][] = Array.from({ length: lists }, () => []);
        let count = 0;
        for (const [{ list, times }, { list: from, stop }] of steps) {
          for (const time of times) {
            const item: Item = [time * 2 ** 40, count, -1 - count, count++ * 7];
            pending.add(list, ...item);
            model[list]!.push(item);
          }
          const moved: Item[] = [];
          pending.moveDue(from, stop * 2 ** 40, { push: (...item) => moved.push(item) });
          const due = (item: Item): boolean => item[0] < stop * 2 ** 40;
          expect(moved).toEqual(model[from]!.filter(due));
          model[from] = model[from]!.filter((item) => !due(item));
          model.forEach((items, at) => {
            expect(pending.earliestOf(at)).toBe(Math.min(...items.map(([time]) => time)));
          });
          expect(pending.size).toBe(model.flat().length);
        }
      }),
    );
  });

  test('use the chunks of events that have left again', () => {
    const pending = new PendingLists(2);
    const taken: number[] = [];
    for (let round = 0; round < 300; round++) {
      for (let n = 0; n < 100; n++) pending.add(n % 2, round, 0, n, 0);
      for (const list of [0, 1]) {
        pending.moveDue(list, round + 1, { push: (_time, _handler, a) => taken.push(a) });
      }
    }
    expect(taken.length).toBe(30_000);
    expect(taken.slice(-100)).toEqual(
      Array.from({ length: 100 }, (_, n) => (n < 50 ? 2 * n : 2 * (n - 50) + 1)),
    );
    expect(pending.size).toBe(0);
    expect(pending.earliestOf(0)).toBe(Number.POSITIVE_INFINITY);
  });
});
