import { describe, expect, test } from 'vitest';
import { blindRediscovery, foundBlindly, mutants } from '../../sim/verify/mutants/catalogue.ts';
import { rediscover, searchBlindly } from '../../sim/verify/mutants/rediscover.ts';

/** A mutant is compiled once, then kept under build/mutants. */
const timeout = 180_000;

describe('generated worlds, without being told where', () => {
  test.each(foundBlindly)(
    'find $id: $fault',
    async (mutant) => {
      const found = await rediscover(mutant);
      expect(mutant.killedBy).toContain(found?.invariant);
    },
    timeout,
  );

  test('find the index and bookkeeping faults of one family', () => {
    const ids = foundBlindly.map((mutant) => mutant.id);
    expect(ids).toEqual(expect.arrayContaining([...blindRediscovery]));
    expect(ids).toHaveLength(mutants.length - 1);
  });

  test(
    'find nothing where nothing is planted',
    async () => {
      expect(await searchBlindly({ id: 'none', edits: [] }, null, 100)).toBeNull();
    },
    timeout,
  );
});
