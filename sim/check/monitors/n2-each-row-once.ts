import { type Monitor, undecidable } from '../monitor.ts';

export const n2EachRowOnce: Monitor = undecidable(
  'N2',
  'each kept (token, expert) contributes once, a dropped one zero; poison never leaks',
  'a trace holds no values: tested with poisoned buffers against an fp64 reference where the kernel runs',
);
