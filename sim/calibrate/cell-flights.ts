import type { LaunchRows } from '../compare/launches.ts';
import type { World } from '../compare/world.ts';
import { dispatchFlag } from '../moe/heap.ts';
import { signalRows } from '../trace/analysis/fields.ts';
import { EventKind } from '../trace/generated/events.ts';
import type { Trace } from '../trace/trace.ts';

/**
 * For every cell with rows, the time from its last arrival to its signal being observed: the release of the rows, the way of
 * the signal and the poll, whether the release comes before or after the record of the signal, which kernels differ in.
 * Signals of tiles do not count: where memory binds, most of their time passes after the release (wgmma-1024: 13 us to be
 * observed, 4.5 us of it until the task that sent it ends), and no record parts the way from the subscriber's other work.
 */
export function cellFlights(
  trace: Trace,
  { shape, placement }: World,
  launches: readonly LaunchRows[],
): number[] {
  const { time, rank, kind, a, b } = trace.events;
  const flags = shape.ranks * shape.slots;
  const samples: number[] = [];
  for (const rows of launches) {
    const arrived = new Map<number, number>();
    const seen = new Map<number, number>();
    for (let row = rows.begin; row < rows.end; row++) {
      if (kind[row] === EventKind.CellArrive) {
        const home = placement.home(a[row]!);
        const cell = home.rank * flags + dispatchFlag(shape, rank[row]!, home.slot);
        arrived.set(cell, Math.max(time[row]!, arrived.get(cell) ?? Number.NEGATIVE_INFINITY));
      } else if (kind[row] === EventKind.SignalObserved) {
        if (a[row]! >= flags || signalRows(b[row]!) === 0) continue;
        seen.set(rank[row]! * flags + a[row]!, time[row]!);
      }
    }
    for (const [cell, at] of seen) samples.push(at - (arrived.get(cell) ?? Number.NaN));
  }
  return samples.filter((sample) => !Number.isNaN(sample));
}
