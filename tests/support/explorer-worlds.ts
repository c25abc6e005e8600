/** Generated worlds for the explorer. */

import * as fc from 'fast-check';
import { kernelPolicies } from '../../binding/kernel.ts';
import { leastBacklog, type WorldSpec } from '../../sim/verify/world-spec.ts';

const readiness = fc.constantFrom<'eager' | 'lazy'>('eager', 'lazy');

/** Kept rows of one rank: within its tokens' choices. */
function rankRows(experts: number, tokens: number, topK: number): fc.Arbitrary<number[]> {
  const cell = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: tokens }));
  return fc.array(cell, { minLength: experts, maxLength: experts }).map((rows) => {
    let left = tokens * topK;
    return rows.map((n) => {
      const kept = Math.min(n, left);
      left -= kept;
      return kept;
    });
  });
}

/** Up to three ranks with unequal experts, up to three processors and four epochs, direct stores or puts, any
 * policy. */
export const worldSpecs: fc.Arbitrary<WorldSpec> = fc
  .record({
    expertsPerRank: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 3 }),
    tokens: fc.integer({ min: 1, max: 17 }),
    topK: fc.integer({ min: 1, max: 2 }),
    hidden: fc.constantFrom(64, 128, 192),
    intermediate: fc.constantFrom(64, 128, 192),
    tileCols: fc.constantFrom(64, 128),
    processors: fc.integer({ min: 1, max: 3 }),
    subscribers: fc.integer({ min: 1, max: 2 }),
    readiness,
    policy: fc.constantFrom(...kernelPolicies),
    ample: fc.boolean(),
    epochs: fc.integer({ min: 1, max: 4 }),
    puts: fc.constantFrom(0, 0, 2),
    lanes: fc.constantFrom<WorldSpec['lanes']>('up', 'up', 'up', 'down', 'views'),
  })
  .chain(({ epochs, ample, ...sizes }) => {
    const experts = sizes.expertsPerRank.reduce((sum, n) => sum + n, 0);
    const ranks = sizes.expertsPerRank.length;
    const epoch = fc.array(rankRows(experts, sizes.tokens, sizes.topK), {
      minLength: ranks,
      maxLength: ranks,
    });
    return fc.array(epoch, { minLength: epochs, maxLength: epochs }).map((rows): WorldSpec => {
      const backlog = ample ? 64 : leastBacklog({ ...sizes, tileRows: 8 });
      return { ...sizes, rows, backlog, tileRows: 8, model: 'weak' };
    });
  });

/** Any sequence of numbers is a legal schedule; zeros, and whatever comes after its end, are the tamest choices. */
export const choiceSequences: fc.Arbitrary<Uint32Array> = fc
  .array(fc.nat(63), { maxLength: 2000, size: 'max' })
  .map((choices) => Uint32Array.from(choices));
