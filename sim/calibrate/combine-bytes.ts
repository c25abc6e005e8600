import type { World } from '../compare/world.ts';
import { decodeTask } from '../moe/layout.ts';
import type { Routing } from '../moe/routing.ts';
import { gemm1Cols, rowSpan, tileWidth } from '../moe/shape.ts';

/** Bytes of an element: bf16. */
const elementBytes = 2;

/**
 * Bytes that each COMBINE task of one rank's launch moves, in the order given, which is that of their beginnings: the
 * rows of the tokens that its arrivals complete, and their outputs. Which task is a token's last is not recorded; the
 * one that began last is taken for it.
 */
export function combineBytes(
  { shape }: World,
  routing: Routing,
  launch: number,
  rank: number,
  tasks: readonly number[],
): Float64Array {
  const choices = routing.choices[launch]![rank]!;
  const kept = routing.kept[launch]![rank]!;
  const rows = routing.rows[launch]![rank]!;
  const tokenOf = rows.map((count) => new Int32Array(count));
  const keptOf = new Uint8Array(kept.length / shape.topK);
  for (let entry = 0; entry < kept.length; entry++) {
    if (kept[entry]! < 0) continue;
    const token = Math.floor(entry / shape.topK);
    tokenOf[choices[entry]!]![kept[entry]!] = token;
    keptOf[token]!++;
  }
  const cols = gemm1Cols(shape);
  const arrived = new Uint8Array(keptOf.length * cols);
  return Float64Array.from(tasks, (index) => {
    const { expert, block, col } = decodeTask(shape, index);
    const { begin, count } = rowSpan(shape, rows[expert]!, block);
    let moved = 0;
    for (const token of tokenOf[expert]!.subarray(begin, begin + count)) {
      const pair = token * cols + col;
      if (++arrived[pair]! < keptOf[token]!) continue;
      moved += keptOf[token]! + 1;
    }
    return moved * tileWidth(shape, shape.hidden, col) * elementBytes;
  });
}
