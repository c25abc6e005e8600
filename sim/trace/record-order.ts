import { TraceError } from './errors.ts';
import type { EventColumns } from './trace.ts';

/**
 * Asserts that sorting by time kept every actor's records in the order they were written in: `order[row]` is where the
 * event of `row` stood before. An actor whose clock went back would have had its records reordered.
 * @throws {TraceError} naming the actor and the launch.
 */
export function assertRecordOrder(where: string, events: EventColumns, order: Uint32Array): void {
  const last = new Map<number, number>();
  for (let row = 0; row < order.length; row++) {
    const actor = events.rank[row]! * 2 ** 32 + events.actor[row]!;
    const before = last.get(actor);
    const written = order[row]!;
    if (before !== undefined && written < before) {
      throw new TraceError({
        where,
        what: `times of rank ${events.rank[row]} actor ${events.actor[row]}`,
        expected: 'launches and times that never go back in record order',
        got: `event ${written} at ${events.time[row]} ns of launch ${events.launch[row]}, written after a later one`,
      });
    }
    last.set(actor, written);
  }
}
