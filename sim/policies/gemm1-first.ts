import { Op } from '../moe/generated/layout.ts';
import { type ClassPolicy, ClassRings } from './class-rings.ts';
import type { PolicyDefinition } from './policy.ts';

const order = [Op.Gemm1, Op.Combine, Op.Gemm0] as const;

const finishing: ClassPolicy = {
  alternates: false,
  next(waiting, { open }) {
    const op = order.find((each) => waiting[each] > 0);
    return op === undefined || open === 0 ? undefined : { op, list: 'open' };
  },
};

/** Finishes what has begun: an expert's second GEMM and its results before the next expert's first. */
export const gemm1First: PolicyDefinition = {
  name: 'gemm1-first',
  summary: 'GEMM1 before COMBINE before GEMM0, whatever a processor ran last',
  options: {},
  create: (context) => new ClassRings(context, finishing),
};
