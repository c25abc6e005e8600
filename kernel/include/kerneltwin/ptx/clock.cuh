// The two clocks of an SM. Both cost about 8 cycles to read on an H200.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// Nanoseconds, the same for all SMs of a GPU; moves in steps of 32 ns (sometimes 64).
KT_DEVICE uint64_t globalTimer() {
  uint64_t ns;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns)::"memory");
  return ns;
}

/// Cycles of this SM.
KT_DEVICE uint64_t cycles() {
  uint64_t ticks;
  asm volatile("mov.u64 %0, %%clock64;" : "=l"(ticks)::"memory");
  return ticks;
}

/// One instant on both clocks: waits for a step of the global timer, so that the pair is good to a few cycles instead of
/// to a step. Costs up to one step (64 ns at most, seen).
KT_DEVICE void anchor(uint64_t& ns, uint64_t& ticks) {
  const uint64_t before = globalTimer();
  for (int tries = 0; tries < 64; ++tries) {
    ns = globalTimer();
    ticks = cycles();
    if (ns != before) return;
  }
}

}  // namespace kerneltwin::ptx
