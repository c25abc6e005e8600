// The task bound: how many tasks this rank will run at most in this epoch. It starts with every incoming cell full and
// drops by each peer's surplus, once, when the first fresh signal of that peer arrives. When scheduled == bound, the
// bound is exact and the scheduler may leave.
#pragma once

#include "kerneltwin/layout/placement.h"
#include "kerneltwin/protocol/policy.h"

namespace kerneltwin {

/// Words shared by the OS block's warps.
struct BoundWords {
  uint32_t* bound;      ///< tasks
  uint32_t* corrected;  ///< bit per peer: its surplus is subtracted; ceil(ranks / 32) words
};

KT_HD uint32_t tasksPerRowBlock(const Shape& s) { return gemm0Cols(s) + gemm1Cols(s); }

/// Tasks a peer could make this rank run if all its cells were full.
KT_HD uint32_t fullPeerTasks(const Shape& s, uint32_t localExperts) {
  return localExperts * cellRowBlocks(s) * tasksPerRowBlock(s);
}

/// COMBINE tasks a rank will run for the rows it keeps for one expert.
KT_HD uint32_t combineTasksOf(const Shape& s, uint32_t rows) { return rowBlocks(s, rows) * gemm1Cols(s); }

/// Bound at the start of an epoch, before this rank's COMBINE tasks (the sum of combineTasksOf over all experts) are added.
KT_HD uint32_t peerBound(const Shape& s, uint32_t localExperts) { return s.ranks * fullPeerTasks(s, localExperts); }

/// Subtracts a peer's surplus the first time it is called for that peer in an epoch (T2). `rowTiles` is what the peer
/// announced, or zero when its flag was ahead: then every cell it had for us in this epoch was a no-op.
/// Returns true, and the bound after the correction, for the caller that did it.
template <class M>
KT_HD bool correctBound(M& mem, const BoundWords& words, const Shape& s, uint32_t localExperts, uint32_t peer,
                        uint32_t rowTiles, uint32_t& after) {
  const uint32_t bit = 1u << (peer % 32);
  if (mem.template fetchOr<Order::Relaxed, Scope::Block>(&words.corrected[peer / 32], bit) & bit) return false;
  const uint32_t surplus = fullPeerTasks(s, localExperts) - rowTiles * tasksPerRowBlock(s);
  after = mem.template add<Order::Relaxed, Scope::Block>(words.bound, 0u - surplus) - surplus;
  return true;
}

}  // namespace kerneltwin
