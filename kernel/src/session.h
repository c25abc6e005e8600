// This process as one rank: joining NVSHMEM, the symmetric heap, barriers over the ranks.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kerneltwin/api.h"

namespace kerneltwin {

/// One a process. A rank alone (ranks == 1, an all-zero unique id) runs without NVSHMEM: its heap is plain device memory.
class Session {
 public:
  /// Collective unless alone. Throws Failure; a failed join leaves no session.
  static void join(const kt_join_options& options);
  /// Collective unless alone.
  static void leave();
  /// The session; throws KT_BAD_STATE before a join.
  static Session& current();
  static bool joined() noexcept;
  static void makeUniqueId(uint8_t* id);

  uint32_t rank() const { return rank_; }
  uint32_t ranks() const { return ranks_; }
  int device() const { return device_; }
  bool alone() const { return alone_; }
  /// Whether another rank runs on this rank's GPU.
  bool sharesGpu() const { return sharesGpu_; }

  /// Symmetric memory, not cleared. Collective; throws KT_OUT_OF_MEMORY.
  void* allocate(uint64_t bytes);
  void release(void* memory) noexcept;
  /// `memory` of this rank as rank `peer` maps it; null without direct access.
  void* peerAddress(void* memory, uint32_t peer) const;

  void barrier() const;
  void barrierOn(cudaStream_t stream) const;
  /// Throws KT_BAD_ARGUMENT when `value` differs between ranks; `what` names it. Collective.
  void agree(uint64_t value, const char* what);

  uint32_t openWorlds = 0;

 private:
  Session(uint32_t rank, uint32_t ranks, int device, bool alone);
  /// Every rank's `value`. Collective.
  std::vector<uint64_t> gather(uint64_t value);

  uint32_t rank_;
  uint32_t ranks_;
  int device_;
  bool alone_;
  bool sharesGpu_ = false;
};

/// Launches a kernel whose blocks are all resident, on all ranks: NVSHMEM's collective launch.
void launchCollective(const void* kernel, uint32_t blocks, uint32_t threads, void** arguments, uint32_t sharedBytes,
                      cudaStream_t stream);

}  // namespace kerneltwin
