import { tileWidth } from '../moe/layout.ts';
import { gpuOf } from '../moe/world.ts';
import { putColumn, putRows } from '../trace/analysis/fields.ts';
import { EventKind } from '../trace/generated/events.ts';
import type { Facts } from './facts.ts';

/** Bytes of a bf16 element. */
const elementBytes = 2;

/** What one GPU's link carried in a launch, in bytes. */
export interface LinkLoad {
  readonly out: number;
  readonly in: number;
}

/** Bytes that the puts of a launch moved over each GPU's link; puts within a GPU use none. */
export function linkLoads(facts: Facts, launch: number): readonly LinkLoad[] {
  const { events, index, shape, scenario } = facts;
  const { world } = scenario;
  const loads = Array.from({ length: world.gpus }, () => ({ out: 0, in: 0 }));
  const [begin, end] = index.launchRange(launch);
  for (let row = begin; row < end; row++) {
    if (events.kind[row] !== EventKind.Put || events.aux[row]! >= shape.ranks) continue;
    const from = gpuOf(world, events.rank[row]!);
    const to = gpuOf(world, events.aux[row]!);
    if (from === to) continue;
    const column = putColumn(events.b[row]!);
    const columns = column < 0 ? shape.hidden : Math.max(0, tileWidth(shape, shape.hidden, column));
    const bytes = putRows(events.b[row]!) * columns * elementBytes;
    loads[from]!.out += bytes;
    loads[to]!.in += bytes;
  }
  return loads;
}
