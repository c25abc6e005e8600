import { describe, expect, test } from 'vitest';
import { TaskQueue } from '../../../sim/actors/task-queue.ts';

describe('task queue', () => {
  test('gives entries in ticket order and shows the head only from its visible time', () => {
    const queue = new TaskQueue(64);
    for (let i = 0; i < 40; i++) {
      expect(queue.nextTicket).toBe(i);
      queue.publish(100 + i, i + 1, 10 * i);
    }
    for (let i = 0; i < 40; i++) {
      expect([queue.headFirst, queue.headCount, queue.headVisible]).toEqual([
        100 + i,
        i + 1,
        10 * i,
      ]);
      queue.take();
    }
    expect(queue.headVisible).toBe(Number.POSITIVE_INFINITY);
    expect(() => queue.take()).toThrow('nothing to take');
  });

  test('tickets count on when the ring wraps', () => {
    const queue = new TaskQueue(2);
    for (let i = 0; i < 100; i++) {
      queue.publish(i, 1, 0);
      expect(queue.headFirst).toBe(i);
      queue.take();
    }
    expect(queue.nextTicket).toBe(100);
  });

  test('an entry too many is an overflow (L4)', () => {
    const queue = new TaskQueue(2);
    queue.publish(0, 1, 0);
    queue.publish(1, 1, 0);
    expect(() => queue.publish(2, 1, 0)).toThrow('task queue overflow: 2 entries wait');
  });
});
