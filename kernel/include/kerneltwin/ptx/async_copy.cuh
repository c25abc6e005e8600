// 16-byte asynchronous copies from global to shared memory. They bypass L1, so what other SMs and peers wrote before an
// acquire is seen.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

KT_DEVICE void copyAsync16(uint32_t to, const void* from) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

KT_DEVICE void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until at most `N` of this thread's copy groups are still under way.
template <int N>
KT_DEVICE void waitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

}  // namespace kerneltwin::ptx
