// Bulk copies: runs of bytes between global and shared memory, moved by the copy engine for one thread. Addresses and sizes are
// multiples of 16.
//
// The engine is the async proxy. What the PTX manual says of it (memory consistency model; cp.async.bulk):
// - A load (global to shared) completes on an mbarrier. Whoever has seen that phase complete sees the bytes.
// - Stores (shared to global) complete in groups of the thread that started them. waitStoresRead: their sources are read and
//   may be overwritten, the bytes need not be anywhere yet. waitStores: the writes are made and visible to this thread.
// - Either completion is followed by an implicit fence between the async and the generic proxy. So after waitStores the bytes
//   count as this thread's ordinary writes: a block (or cluster) barrier and a release after it publish them, with no proxy
//   fence between. Destinations in a peer's memory are global addresses like others. waitStoresRead gives no such thing.
// - The other way there is no implicit fence: ordinary accesses to shared memory come before a bulk copy that touches it only by
//   fenceSharedForCopies (tma.cuh), in the thread that starts the copy, after the barrier that orders those accesses before it.
#pragma once

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// Starts a copy of `bytes` from global memory to shared address `to`; counted on `barrier`. `policy`: of L2, see tma.cuh.
KT_DEVICE void loadBulk(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, uint64_t policy) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;" ::"r"(to),
      "l"(from), "r"(bytes), "r"(barrier), "l"(policy)
      : "memory");
}

/// Starts to bring `bytes` of global memory to L2; nobody waits for it.
KT_DEVICE void prefetchBulk(const void* from, uint32_t bytes) {
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes) : "memory");
}

/// Starts a copy of `bytes` from shared address `from` to global memory, this GPU's or a peer's.
KT_DEVICE void storeBulk(void* to, uint32_t from, uint32_t bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to), "r"(from), "r"(bytes) : "memory");
}

/// Closes the group of this thread's stores since the last call.
KT_DEVICE void commitStores() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

/// All committed stores of this thread have read their sources.
KT_DEVICE void waitStoresRead() { asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory"); }

/// All committed stores of this thread are made, and count as its own writes from here on.
KT_DEVICE void waitStores() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }

/// Ends an mbarrier, so that its memory may hold something else. After the last wait on it.
KT_DEVICE void endBarrier(uint32_t barrier) { asm volatile("mbarrier.inval.shared::cta.b64 [%0];" ::"r"(barrier) : "memory"); }

}  // namespace kerneltwin::ptx
