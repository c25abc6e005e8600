import { expect, test } from 'vitest';
import { loadExplorer } from '../../binding/explore.ts';
import { buildMutant } from '../../sim/verify/mutants/build-mutant.ts';
import { mutants } from '../../sim/verify/mutants/catalogue.ts';

/** Which shape shows which fault of the headers' ordering. */
const shapes: readonly (readonly [string, string])[] = [
  ['M15', 'row-block'],
  ['M15', 'token-arrival'],
  ['M12-cell', 'cell-arrival'],
  ['M12-cell-scope', 'cell-arrival'],
  ['M15-cell', 'cell-arrival'],
  ['M15-cell-release', 'cell-arrival'],
  ['M15-cell-scope', 'cell-arrival'],
  ['M16', 'task-chain'],
  ['M16', 'row-block'],
  ['M16-release', 'task-chain'],
  ['M16-release', 'row-block'],
  ['M16-scope', 'task-chain'],
  ['M16-scope', 'row-block'],
];

test.each(shapes)(
  '%s is forbidden in the shape %s, and only under weak memory',
  async (id, shape) => {
    const mutant = mutants.find((m) => m.id === id);
    const { litmus } = loadExplorer(await buildMutant(id, mutant?.edits ?? []));
    const weak = litmus({ shape, model: 'weak', all: true, runs: 5_000_000 });
    const sc = litmus({ shape, model: 'sc', all: true, runs: 5_000_000 });
    expect(weak.forbidden).toBeGreaterThan(0);
    expect(sc).toMatchObject({ complete: true, forbidden: 0 });
  },
  180_000,
);
