import { type Monitor, undecidable } from '../monitor.ts';

export const l3DisjointSlices: Monitor = undecidable(
  'L3',
  'bookkeeping slices pairwise disjoint, their sum fits the allocation',
  'a trace names no addresses of bookkeeping: tested on the compiled layout functions',
);
