import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventQueue } from '../../../sim/engine/event-queue.ts';
import { TurnQueue } from '../../../sim/engine/turn-queue.ts';

describe('the queue of a turn', () => {
  test('gives back what an event queue gives, turn after turn', () => {
    // Of every event, how far its pop is ahead of now, and how many more it pushes at which delays.
    const pushes = fc.array(fc.nat(90), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(fc.nat(99), { minLength: 1, maxLength: 400 }),
        fc.array(pushes, { maxLength: 40 }),
        fc.nat(1e9),
        (first, more, begin) => {
          const turn = new TurnQueue(100);
          for (let round = 0; round < 3; round++) {
            const start = begin + round * 50;
            const reference = new EventQueue(1);
            const both = [turn, reference];
            turn.restart(start);
            first.forEach((delay, at) =>
              both.forEach((q) => q.push(start + delay, round, at, -1 - at)),
            );
            for (let step = 0; reference.pop(); step++) {
              expect(turn.pop()).toBe(true);
              const { time, handler, a, b } = turn;
              expect({ time, handler, a, b }).toEqual({
                time: reference.time,
                handler: reference.handler,
                a: reference.a,
                b: reference.b,
              });
              for (const delay of more[step] ?? []) {
                if (time + delay >= start + 100) continue;
                both.forEach((q) => q.push(time + delay, 7, step, delay));
              }
              expect(turn.size).toBe(reference.size);
            }
            expect(turn.pop()).toBe(false);
          }
        },
      ),
    );
  });

  test('refuses what is over, what lies beyond the turn, and a new turn while events are left', () => {
    const turn = new TurnQueue(100);
    turn.restart(1000);
    turn.push(1005, 0, 0, 0);
    turn.push(1099, 0, 0, 0);
    expect(() => turn.push(999, 0, 0, 0)).toThrow('from 1000, got 999');
    expect(() => turn.push(1100, 0, 0, 0)).toThrow('got 1100');
    expect(() => turn.restart(2000)).toThrow('2 events left');
    turn.pop();
    expect(() => turn.push(1004, 0, 0, 0)).toThrow('from 1005, got 1004');
    turn.pop();
    expect(turn.pop()).toBe(false);
    turn.restart(50);
    turn.push(50, 1, 2, 3);
    expect(turn.pop()).toBe(true);
    expect(turn.time).toBe(50);
  });
});
