import { Op } from '../moe/generated/layout.ts';
import { type ClassPolicy, ClassRings } from './class-rings.ts';
import type { PolicyDefinition } from './policy.ts';

/** The kernel's Scheduling::Interleave, pairing for pairing. */
const alternating: ClassPolicy = {
  alternates: true,
  next(waits, { open, due }) {
    if (waits[Op.Combine] && open > 0) return { op: Op.Combine, list: 'open' };
    const op = waits[Op.Gemm1] ? Op.Gemm1 : Op.Gemm0;
    if (waits[op] && due > 0) return { op, list: 'due' };
    if (waits[op]) return open > 0 ? { op, list: 'open' } : undefined;
    return waits[Op.Combine] && due > 0 ? { op: Op.Combine, list: 'due' } : undefined;
  },
};

/**
 * Tiles and COMBINE in turn on every processor, for kernels that run a COMBINE beside a tile: neither stream of a
 * processor runs dry while there is work for it, and no processor collects COMBINEs behind one another. Work-conserving:
 * where the other kind is missing a processor gets what there is.
 */
export const interleave: PolicyDefinition = {
  name: 'interleave',
  summary: 'after a tile a COMBINE, after a COMBINE a tile, GEMM1 before GEMM0',
  options: {},
  create: (context) => new ClassRings(context, alternating),
};
