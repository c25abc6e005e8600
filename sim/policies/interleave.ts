import { Op } from '../moe/generated/layout.ts';
import { type ClassPolicy, ClassRings } from './class-rings.ts';
import type { PolicyDefinition } from './policy.ts';

/** GEMM0 tasks a processor that are not put off: kLastWaves of the kernel. */
const lastWaves = 2;

/** The kernel's Scheduling::Interleave, pairing for pairing. */
const alternating: ClassPolicy = {
  alternates: true,
  next(waiting, { open, due }, processors) {
    if (waiting[Op.Combine] > 0 && open > 0) return { op: Op.Combine, list: 'open' };
    const gemm0 = waiting[Op.Gemm0];
    const putsOff = gemm0 === 0 || gemm0 > lastWaves * processors;
    const op = waiting[Op.Gemm1] > 0 && putsOff ? Op.Gemm1 : Op.Gemm0;
    if (waiting[op] > 0 && due > 0) return { op, list: 'due' };
    if (waiting[op] > 0) return open > 0 ? { op, list: 'open' } : undefined;
    return waiting[Op.Combine] > 0 && due > 0 ? { op: Op.Combine, list: 'due' } : undefined;
  },
};

/**
 * Tiles and COMBINE in turn on every processor, for kernels that run a COMBINE beside a tile: neither stream of a
 * processor runs dry while there is work for it, and no processor collects COMBINEs behind one another. Work-conserving:
 * where the other kind is missing a processor gets what there is. The last two waves of GEMM0 go before GEMM1, so that a
 * launch ends with tiles that wait for nothing.
 */
export const interleave: PolicyDefinition = {
  name: 'interleave',
  summary:
    'after a tile a COMBINE, after a COMBINE a tile; GEMM1 before GEMM0 but for the last waves',
  options: {},
  create: (context) => new ClassRings(context, alternating),
};
