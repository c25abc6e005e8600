import { Op } from '../moe/generated/layout.ts';
import type { OpCode } from '../moe/task.ts';
import { ClassRings } from './class-rings.ts';
import type { PolicyDefinition } from './policy.ts';

const combineFirst: readonly OpCode[] = [Op.Combine, Op.Gemm1, Op.Gemm0];
const tileFirst: readonly OpCode[] = [Op.Gemm1, Op.Gemm0, Op.Combine];

/**
 * Tiles and COMBINE in turn on every processor, for kernels that run a COMBINE beside a tile: neither stream of a
 * processor runs dry while there is work for it, and no processor collects COMBINEs behind one another.
 */
export const interleave: PolicyDefinition = {
  name: 'interleave',
  summary: 'after a tile a COMBINE, after a COMBINE a tile, GEMM1 before GEMM0',
  options: {},
  create: (context) =>
    new ClassRings(context, (last) =>
      last === undefined || last === Op.Combine ? tileFirst : combineFirst,
    ),
};
