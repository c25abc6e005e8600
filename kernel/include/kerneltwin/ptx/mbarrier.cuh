// Barriers between the roles of a block: mbarriers, which count arrivals and bytes of asynchronous copies, and the sixteen
// named barriers of a block, which synchronise some of its warps.
//
// An mbarrier's phases alternate in parity. A wait names the parity of the phase it waits for; a fresh barrier is in phase 0,
// so waiting for parity 1 on it returns at once.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// `count` arrivals complete a phase. One thread; then fenceBarrierInit and a block barrier before first use.
KT_DEVICE void initBarrier(uint32_t barrier, uint32_t count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}

/// Makes initBarrier's effect visible to the copy engine.
KT_DEVICE void fenceBarrierInit() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

/// Releases this thread's writes to the waiters of the phase (block scope).
KT_DEVICE void arrive(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/// Arrives and adds `bytes` to what the phase waits for.
KT_DEVICE void arriveExpecting(uint32_t barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

/// True when the phase of that parity is complete; acquires what its arrivals released. May sleep a few microseconds first.
KT_DEVICE bool tryWait(uint32_t barrier, uint32_t parity) {
  uint32_t done;
  asm volatile(
      "{\n"
      ".reg .pred complete;\n"
      "mbarrier.try_wait.parity.shared::cta.b64 complete, [%1], %2;\n"
      "selp.u32 %0, 1, 0, complete;\n"
      "}\n"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

/// As tryWait, without sleeping: for a thread that polls several things.
KT_DEVICE bool testWait(uint32_t barrier, uint32_t parity) {
  uint32_t done;
  asm volatile(
      "{\n"
      ".reg .pred complete;\n"
      "mbarrier.test_wait.parity.shared::cta.b64 complete, [%1], %2;\n"
      "selp.u32 %0, 1, 0, complete;\n"
      "}\n"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

/// Barrier of the `threads` threads that name the same `id` (1 to 15; 0 is the block's). Orders their accesses.
KT_DEVICE void syncThreads(uint32_t id, uint32_t threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// Arrives at such a barrier without waiting; `threads` counts those who wait as well.
KT_DEVICE void arriveThreads(uint32_t id, uint32_t threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// Ends the kernel with an error (illegal address): a wait that only a defect can make last has run out of time. Not `trap`:
/// with one in the kernel, ptxas 13.0 gives every role the launch's registers, setmaxnreg or not, and the accumulators spill.
KT_DEVICE void fault() { asm volatile("st.global.u32 [%0], %1;" ::"l"(0ull), "r"(0u) : "memory"); }

}  // namespace kerneltwin::ptx
