// Arrival counters: who brings a counter to its total goes on alone. Used for the rows of a dispatch cell, the GEMM0
// tiles of a row block, and the choices of a token.
//
// One acq_rel read-modify-write per arrival: it releases this arriver's writes and, in the last arriver, acquires everyone
// else's through the chain of RMWs. Dropping the acquire half lets the last arriver pass on data it has not seen (M15).
//
// Who arrives at several counters at once does so between two fences: releaseArrivals, then arriveFenced at each, then, if any
// is complete, passOnArrivals before it tells anyone. An acq_rel RMW waits for its own answer (a round trip to L2, most of a
// microsecond on an H200) before the next may leave; relaxed ones between fences travel together.
#pragma once

#include "kerneltwin/protocol/policy.h"

namespace kerneltwin {

/// Sets a counter back, as its last arriver: nobody touches it again before the next epoch.
template <Scope S, class M>
KT_HD void setBack(M& mem, uint32_t* counter) {
  mem.template store<Order::Relaxed, S>(counter, 0u);
}

/// Adds `amount`; returns the count before. The arriver that sees `before + amount == total` is the last: it sets the
/// counter back.
template <Scope S, class M>
KT_HD uint32_t arrive(M& mem, uint32_t* counter, uint32_t amount, uint32_t total) {
  const uint32_t before = mem.template add<Order::AcqRel, S>(counter, amount);
  if (before + amount == total) setBack<S>(mem, counter);
  return before;
}

/// Releases what this thread and, over a block barrier, its block wrote to the arrivals that follow.
template <class M>
KT_HD void releaseArrivals(M& mem) {
  mem.template fence<Order::Release, Scope::Device>();
}

/// Adds `amount` behind releaseArrivals; returns the count before. The last arriver calls passOnArrivals, and setBack.
template <class M>
KT_HD uint32_t arriveFenced(M& mem, uint32_t* counter, uint32_t amount) {
  return mem.template add<Order::Relaxed, Scope::Device>(counter, amount);
}

/// Acquires what the arrivers before this one released, on the same GPU, and releases it to relaxed stores that follow, for
/// peers on any: one fence for all counters that this thread has completed.
template <class M>
KT_HD void passOnArrivals(M& mem) {
  mem.template fence<Order::AcqRel, Scope::System>();
}

/// Barrier over the blocks of a rank. The counter only grows, so it is never cleared: `target` is the number of
/// arrivals that complete this phase of this epoch, blocks * (epoch * phases + phase + 1).
/// Called by one thread per block, between block barriers.
template <class M>
KT_HD uint64_t arriveBarrier(M& mem, uint64_t* counter) {
  return mem.template add<Order::AcqRel, Scope::Device>(counter, static_cast<uint64_t>(1));
}

template <class M>
KT_HD bool awaitBarrier(M& mem, const uint64_t* counter, uint64_t target) {
  return mem.spin([&] { return mem.template load<Order::Acquire, Scope::Device>(counter) >= target; });
}

KT_HD uint64_t barrierTarget(uint32_t blocks, uint32_t phases, uint32_t epoch, uint32_t phase) {
  return static_cast<uint64_t>(blocks) * (static_cast<uint64_t>(epoch) * phases + phase + 1);
}

}  // namespace kerneltwin
