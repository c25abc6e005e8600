import { type Monitor, undecidable } from '../monitor.ts';

export const n1CombineError: Monitor = undecidable(
  'N1',
  'any combine order stays within (k - 1) u sum|wy| of fp64',
  'a trace holds no values: tested against an fp64 reference where the kernel runs',
);
