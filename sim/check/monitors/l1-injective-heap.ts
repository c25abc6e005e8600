import { type Monitor, undecidable } from '../monitor.ts';

export const l1InjectiveHeap: Monitor = undecidable(
  'L1',
  'heap index map injective and in bounds',
  'a property of the index functions, not of a run: tested on sim/moe/heap.ts and on the compiled headers',
);
