// Which rank holds which expert. Experts are numbered so that a rank's experts are consecutive; ranks may hold
// different numbers of them.
#pragma once

#include "kerneltwin/layout/shape.h"

namespace kerneltwin {

/// A rank's place for a global expert.
struct ExpertHome {
  uint32_t rank;
  uint32_t slot;
};

/// View of `ranks + 1` prefix sums: experts of rank r are [base[r], base[r + 1]).
struct Placement {
  const uint32_t* base;
  uint32_t ranks;

  KT_HD uint32_t localExperts(uint32_t rank) const { return base[rank + 1] - base[rank]; }
  KT_HD uint32_t globalExpert(uint32_t rank, uint32_t slot) const { return base[rank] + slot; }

  /// Binary search: log2(P) reads of a table that stays in L1.
  KT_HD ExpertHome home(uint32_t expert) const {
    uint32_t lo = 0;
    uint32_t hi = ranks;
    while (hi - lo > 1) {
      const uint32_t mid = (lo + hi) / 2;
      if (base[mid] <= expert) lo = mid;
      else hi = mid;
    }
    return {lo, expert - base[lo]};
  }
};

}  // namespace kerneltwin
