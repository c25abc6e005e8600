import { layout } from './catalogue/layout.ts';
import { ordering } from './catalogue/ordering.ts';
import { scheduling } from './catalogue/scheduling.ts';
import { termination } from './catalogue/termination.ts';
import type { Mutant } from './mutant.ts';

/** Every planted fault, in the order of the catalogue. */
export const mutants: readonly Mutant[] = [...layout, ...ordering, ...scheduling, ...termination];

/** What the suite must find without being told where: index formulas and bookkeeping of one family of faults. */
export const blindRediscovery: readonly string[] = ['M4', 'M5', 'M6', 'M7', 'M34'];

/** Faults that worlds from the generator must find. */
export const foundBlindly: readonly Mutant[] = mutants.filter((mutant) => !mutant.needsItsWorld);
