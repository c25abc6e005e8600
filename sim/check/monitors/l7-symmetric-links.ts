import { type Monitor, undecidable } from '../monitor.ts';

export const l7SymmetricLinks: Monitor = undecidable(
  'L7',
  'A sees B as remote if and only if B sees A as remote',
  'a trace does not record which transport a put took: tested on sim/moe/world.ts and when a world opens',
);
