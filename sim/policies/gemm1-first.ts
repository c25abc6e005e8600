import { Op } from '../moe/generated/layout.ts';
import type { OpCode } from '../moe/task.ts';
import { ClassRings } from './class-rings.ts';
import type { PolicyDefinition } from './policy.ts';

const order: readonly OpCode[] = [Op.Gemm1, Op.Combine, Op.Gemm0];

/** Finishes what has begun: an expert's second GEMM and its results before the next expert's first. */
export const gemm1First: PolicyDefinition = {
  name: 'gemm1-first',
  summary: 'GEMM1 before COMBINE before GEMM0, whatever a processor ran last',
  options: {},
  create: (context) => new ClassRings(context, () => order),
};
