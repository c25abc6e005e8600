// Lets `kerneltwin verify` set the runs of properties and replay them without the tests knowing: KERNELTWIN_RUNS is the
// runs of each property; KERNELTWIN_SEED and KERNELTWIN_PATH are what fast-check prints on a failure.
import { vi } from 'vitest';

const { KERNELTWIN_RUNS: runs, KERNELTWIN_SEED: seed, KERNELTWIN_PATH: path } = process.env;

if (runs !== undefined || seed !== undefined || path !== undefined) {
  vi.doMock('fast-check', async (original) => {
    const real = await original<typeof import('fast-check')>();
    const assert = (property: Parameters<typeof real.assert>[0], parameters?: object): unknown => {
      return real.assert(property, {
        ...parameters,
        ...(runs === undefined ? {} : { numRuns: Number(runs) }),
        ...(seed === undefined ? {} : { seed: Number(seed) }),
        ...(path === undefined ? {} : { path, endOnFailure: true }),
      });
    };
    return { ...real, assert, default: { ...real.default, assert } };
  });
}
