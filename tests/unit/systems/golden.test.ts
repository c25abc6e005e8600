import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { goldenHash } from '../../golden/hash.ts';
import { goldenSeeds } from '../../golden/worlds.ts';

const file = new URL('../../golden/traces.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;

describe('golden traces', () => {
  test('every seed has one', () => {
    expect(Object.keys(golden)).toEqual(Array.from({ length: goldenSeeds }, (_, i) => String(i)));
    expect(new Set(Object.values(golden)).size).toBe(goldenSeeds);
  });

  // A change of behaviour on purpose: npm run golden writes them anew, and its commit says why.
  test.each(Array.from({ length: 10 }, (_, tenth) => tenth))(
    'are made again, byte for byte: seeds %i mod 10',
    (tenth) => {
      for (let seed = tenth; seed < goldenSeeds; seed += 10) {
        expect([seed, goldenHash(seed)]).toEqual([seed, golden[seed]]);
      }
    },
  );
});
