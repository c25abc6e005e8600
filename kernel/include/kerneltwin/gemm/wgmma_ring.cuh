// Shared memory of a pipeline and the waits on it: the ring of stages between the copy engine and the products, and the few
// task slots between the mailbox and the roles.
//
// Every wait here ends by what other roles of the same block do, and the mailbox role ends them all at the exit; only a
// defect can make one last. So each has a guard, a policy with
//   void late(Wait where, uint32_t barrier) const     called after every failed try; past its deadline it does not return
#pragma once

#include <cstddef>

#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/ptx/mbarrier.cuh"
#include "kerneltwin/ptx/tma.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin {

/// Where a role waits.
enum class Wait : uint32_t { Task = 1, Full = 2, Empty = 3 };

template <class Guard>
KT_DEVICE void awaitPhase(const Guard& guard, uint32_t barrier, uint32_t parity, Wait where) {
  while (!ptx::tryWait(barrier, parity)) guard.late(where, barrier);
}

/// Task slots: one computed, one draining its epilogue, one waiting, one spare.
inline constexpr uint32_t kTaskSlots = 4;
/// Tasks taken before the one computed has ended: it alone decides how much work a block may hold back from others.
inline constexpr uint32_t kTasksAhead = 1;

/// Words of a pipeline behind its tiles.
struct PipelineWords {
  uint64_t full[16];               ///< stage landed: one arrival and its bytes
  uint64_t empty[16];              ///< stage free: one arrival a consumer warp
  uint64_t filled[kTaskSlots];     ///< slot written: one arrival
  uint64_t begun[kTaskSlots];      ///< first product about to be issued: one arrival
  uint64_t stored[kTaskSlots];     ///< results stored and slot read: one arrival a consumer warp, one of the producer
  uint64_t begunAt[kTaskSlots];    ///< SM clock at that moment
  TileTask slots[kTaskSlots];
};

/// Dynamic shared memory of a pipeline.
template <class Config>
inline constexpr uint32_t kPipelineShared = Config::kTileBytes + static_cast<uint32_t>(sizeof(PipelineWords));

/// A role's view. `ring` and `words` are shared-memory addresses; the ring starts at a multiple of kSwizzleBytes.
template <class Config>
struct PipelineView {
  uint32_t ring;
  uint32_t group;   ///< this consumer warpgroup, from 0; meaningless to the feeding warps
  bool leader;      ///< lane 0 of its warp
  char* memory;

  /// `shared` is the start of kPipelineShared<Config> bytes. By whole warps.
  KT_DEVICE explicit PipelineView(char* shared)
      : ring(ptx::sharedAddress(shared)), group(ptx::shuffle(ptx::warp(), 0) / 4 - 1),
        leader(ptx::lane() == 0), memory(shared) {}

  KT_DEVICE uint32_t passBuffer() const { return ring + Config::kRingBytes + group * Config::kPassBytes; }
  KT_DEVICE char* passMemory() const { return memory + Config::kRingBytes + group * Config::kPassBytes; }
  KT_DEVICE PipelineWords& words() const { return *reinterpret_cast<PipelineWords*>(memory + Config::kTileBytes); }

  KT_DEVICE uint32_t word(uint32_t offset, uint32_t i) const { return ring + Config::kTileBytes + offset + i * 8; }
  KT_DEVICE uint32_t full(uint32_t stage) const { return word(offsetof(PipelineWords, full), stage); }
  KT_DEVICE uint32_t empty(uint32_t stage) const { return word(offsetof(PipelineWords, empty), stage); }
  KT_DEVICE uint32_t filled(uint32_t slot) const { return word(offsetof(PipelineWords, filled), slot); }
  KT_DEVICE uint32_t begun(uint32_t slot) const { return word(offsetof(PipelineWords, begun), slot); }
  KT_DEVICE uint32_t stored(uint32_t slot) const { return word(offsetof(PipelineWords, stored), slot); }

  /// One arrival for the calling warp, after all its lanes are done with what the barrier protects.
  KT_DEVICE void release(uint32_t barrier) const {
    ptx::syncWarp();
    if (leader) ptx::arrive(barrier);
  }
};

/// A role's place in the ring. It goes on from task to task: the producer may fill stages of the next task while the
/// consumers still read this one's.
template <class Config>
struct RingCursor {
  uint32_t stage = 0;
  uint32_t phase = 0;

  KT_DEVICE void advance() {
    if (++stage < Config::kStages) return;
    stage = 0;
    phase ^= 1;
  }
};

/// A role's place among the task slots.
struct SlotCursor {
  uint32_t count = 0;

  KT_DEVICE uint32_t slot() const { return count % kTaskSlots; }
  KT_DEVICE uint32_t phase() const { return count / kTaskSlots & 1; }
};

/// Prepares a pipeline. All threads of the block, once a launch; `shared` may have held other data before.
template <class Config>
KT_DEVICE void openPipeline(const PipelineView<Config>& pipe) {
  ptx::syncBlock();
  if (pipe.ring % kSwizzleBytes != 0) ptx::fault();  // every swizzled address would be wrong
  if (ptx::thread() == 0) {
    for (uint32_t i = 0; i < Config::kStages; ++i) {
      ptx::initBarrier(pipe.full(i), 1);
      ptx::initBarrier(pipe.empty(i), kConsumerWarps);
    }
    for (uint32_t i = 0; i < kTaskSlots; ++i) {
      ptx::initBarrier(pipe.filled(i), 1);
      ptx::initBarrier(pipe.begun(i), 1);
      ptx::initBarrier(pipe.stored(i), kConsumerWarps + 1);
    }
    ptx::fenceBarrierInit();
  }
  ptx::fenceSharedForCopies();  // ordinary accesses to this memory come before the copies into it
  ptx::syncBlock();
}

}  // namespace kerneltwin
