import { CalendarQueue } from './calendar-queue.ts';
import { HeapQueue } from './heap-queue.ts';
import type { Contender } from './hold-model.ts';

interface Queue {
  readonly time: number;
  readonly handler: number;
  readonly a: number;
  readonly b: number;
  push(time: number, handler: number, a: number, b: number): void;
  pop(): boolean;
}

function holdOn(make: (pending: number) => Queue): Contender {
  return (pending, delays) => {
    const queue = make(pending);
    let at = 0;
    for (let id = 0; id < pending; id++) queue.push(delays[at++ & 0xffff]!, 0, id, 0);
    return (holds) => {
      for (let i = 0; i < holds; i++) {
        queue.pop();
        queue.push(queue.time + delays[at++ & 0xffff]!, queue.handler, queue.a, queue.b);
      }
    };
  };
}

/** Other structures for the engine's queue, in the same language and with the same payload. */
export const structures: Readonly<Record<string, Contender>> = {
  'binary heap': holdOn((pending) => new HeapQueue(1, pending)),
  '4-ary heap': holdOn((pending) => new HeapQueue(2, pending)),
  calendar: holdOn((pending) => new CalendarQueue(pending, 1e9 / pending)),
};
