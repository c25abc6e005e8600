// Thread-block clusters: blocks that run at the same time on neighbouring SMs and reach each other's shared memory.
//
// A shared-memory address of another block of the cluster is the same 32 bits plus the block's number in the cluster
// (`clusterAddress`). Words of a barrier that another block arrives at must be waited for with `tryWaitCluster`, whose acquire
// reaches that far. A block must not end while others may still touch its memory: `clusterSync` is its last act.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// This block's number in its cluster.
KT_DEVICE uint32_t clusterRank() {
  uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

/// Barrier of all threads of the cluster's blocks that have not ended; orders their memory accesses among each other.
KT_DEVICE void clusterSync() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}

/// Address of what lies at `address` of this block's shared memory, in block `rank` of the cluster.
KT_DEVICE uint32_t clusterAddress(uint32_t address, uint32_t rank) {
  uint32_t there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
  return there;
}

/// Stores 16 bytes at a cluster address.
KT_DEVICE void storeCluster(uint32_t address, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  asm volatile("st.shared::cluster.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(x), "r"(y), "r"(z), "r"(w) : "memory");
}

/// Arrives at an mbarrier at a cluster address; releases this thread's writes to the cluster.
KT_DEVICE void arriveCluster(uint32_t barrier) {
  asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/// Arrives at an mbarrier at a cluster address, for a waiter that only wants to know that this thread's reads are done.
KT_DEVICE void arriveEmptyCluster(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/// As tryWait, on a barrier of this block that other blocks of the cluster arrive at.
KT_DEVICE bool tryWaitCluster(uint32_t barrier, uint32_t parity) {
  uint32_t done;
  asm volatile(
      "{\n"
      ".reg .pred complete;\n"
      "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 complete, [%1], %2;\n"
      "selp.u32 %0, 1, 0, complete;\n"
      "}\n"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

/// As tryWaitCluster, without sleeping.
KT_DEVICE bool testWaitCluster(uint32_t barrier, uint32_t parity) {
  uint32_t done;
  asm volatile(
      "{\n"
      ".reg .pred complete;\n"
      "mbarrier.test_wait.parity.acquire.cluster.shared::cta.b64 complete, [%1], %2;\n"
      "selp.u32 %0, 1, 0, complete;\n"
      "}\n"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

}  // namespace kerneltwin::ptx
