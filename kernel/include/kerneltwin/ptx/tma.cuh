// The bulk tensor copy engine: boxes of a row-major matrix to swizzled tiles in shared memory.
//
// The engine is a proxy of its own: what ordinary stores wrote must pass a fence.proxy.async, in the thread that starts the
// copy, after whatever ordered those stores before it.
#pragma once

#include <cstdint>

#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// Starts the copy of the box whose first element is (row, column). Its bytes are counted on `barrier`.
KT_DEVICE void loadBox(uint32_t to, const TensorMap* map, uint32_t column, uint32_t row, uint32_t barrier, uint64_t policy) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
      "[%0], [%1, {%2, %3}], [%4], %5;" ::"r"(to),
      "l"(map), "r"(column), "r"(row), "r"(barrier), "l"(policy)
      : "memory");
}

/// As loadBox, into the same place of every block of the cluster in `blocks` (a bit each); counted on each one's own barrier.
KT_DEVICE void loadBoxToAll(uint32_t to, const TensorMap* map, uint32_t column, uint32_t row, uint32_t barrier,
                            uint16_t blocks, uint64_t policy) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint "
      "[%0], [%1, {%2, %3}], [%4], %5, %6;" ::"r"(to),
      "l"(map), "r"(column), "r"(row), "r"(barrier), "h"(blocks), "l"(policy)
      : "memory");
}

KT_DEVICE void prefetchMap(const TensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

/// Orders this thread's earlier ordinary accesses to global memory, and those ordered before them, before its later copies.
KT_DEVICE void fenceGlobalForCopies() { asm volatile("fence.proxy.async.global;" ::: "memory"); }

/// Likewise for the block's shared memory.
KT_DEVICE void fenceSharedForCopies() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// L2 policy for data read once: it leaves first.
KT_DEVICE uint64_t policyReadOnce() {
  uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

/// L2 policy for data that other tiles will read soon.
KT_DEVICE uint64_t policyKeep() {
  uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

KT_DEVICE uint64_t policyNormal() {
  uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

}  // namespace kerneltwin::ptx
