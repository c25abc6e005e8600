/**
 * Which rank holds which expert: kernel/include/kerneltwin/layout/placement.h in TypeScript. A rank's experts are
 * consecutive; ranks may hold different numbers of them, also none.
 */
import type { Scenario } from './scenario.ts';

/** A rank's place for a global expert. */
export interface ExpertHome {
  readonly rank: number;
  readonly slot: number;
}

/** Placement of E experts on P ranks. */
export interface Placement {
  /** P + 1 prefix sums: experts of rank r are [base[r], base[r + 1]). */
  readonly base: Uint32Array;
  readonly ranks: number;
  /** Experts held by `rank`. */
  localExperts(rank: number): number;
  /** Global expert of a rank's slot. Throws RangeError where the rank has no such slot. */
  globalExpert(rank: number, slot: number): number;
  /** Rank and slot of a global expert. Throws RangeError outside [0, E). */
  home(expert: number): ExpertHome;
}

/** Placement of a resolved scenario. */
export function placementOf(s: Scenario): Placement {
  return placementFrom(s.world.expertsPerRank);
}

/** Placement from the number of experts of each rank. */
export function placementFrom(expertsPerRank: readonly number[]): Placement {
  const ranks = expertsPerRank.length;
  const base = new Uint32Array(ranks + 1);
  for (let r = 0; r < ranks; r++) base[r + 1] = at(base, r) + (expertsPerRank[r] ?? 0);
  const experts = at(base, ranks);
  // A table instead of the kernel's binary search: the simulator asks once per routed row.
  const owner = new Uint32Array(experts);
  for (let r = 0; r < ranks; r++) owner.fill(r, at(base, r), at(base, r + 1));
  const localExperts = (rank: number): number => at(base, rank + 1) - at(base, rank);
  return {
    base,
    ranks,
    localExperts,
    globalExpert(rank: number, slot: number): number {
      if (slot < 0 || slot >= localExperts(rank)) {
        throw new RangeError(`rank ${rank} holds ${localExperts(rank)} experts, not slot ${slot}`);
      }
      return at(base, rank) + slot;
    },
    home(expert: number): ExpertHome {
      const rank = at(owner, expert);
      return { rank, slot: expert - at(base, rank) };
    },
  };
}

function at(table: Uint32Array, index: number): number {
  const value = table[index];
  if (value === undefined) {
    throw new RangeError(`index ${index} is outside a placement table of ${table.length}`);
  }
  return value;
}
