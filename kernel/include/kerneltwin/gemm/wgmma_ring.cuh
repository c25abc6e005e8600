// Shared memory of a pipeline and the waits on it: the ring of stages between the copy engine and the products, and the few
// task slots between the mailbox and the roles.
//
// In a pair (Config::kCtas == 2) both blocks have all of this but the mailbox: the leader's clerk hands every task to both, a
// stage is refilled when the consumers of both have left it (each block's copies land in both), and the roles of both report
// to the leader.
//
// Every wait here ends by what other roles of the same block do, and the mailbox role ends them all at the exit; only a
// defect can make one last. So each has a guard, a policy with
//   void late(Wait where, uint32_t barrier) const     called after every failed try; past its deadline it does not return
#pragma once

#include <cstddef>

#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/ptx/cluster.cuh"
#include "kerneltwin/ptx/mbarrier.cuh"
#include "kerneltwin/ptx/tma.cuh"
#include "kerneltwin/ptx/vector.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin {

/// Where a role waits.
enum class Wait : uint32_t { Task = 1, Full = 2, Empty = 3 };

template <class Guard>
KT_DEVICE void awaitPhase(const Guard& guard, uint32_t barrier, uint32_t parity, Wait where) {
  while (!ptx::tryWait(barrier, parity)) guard.late(where, barrier);
}

/// As awaitPhase, on a barrier that the pair's other block arrives at with data.
template <class Config, class Guard>
KT_DEVICE void awaitShared(const Guard& guard, uint32_t barrier, uint32_t parity, Wait where) {
  if constexpr (Config::kCtas == 1) {
    awaitPhase(guard, barrier, parity, where);
  } else {
    while (!ptx::tryWaitCluster(barrier, parity)) guard.late(where, barrier);
  }
}

/// Two streams of tasks, the consumers' and the aides', each with its own slots, so that neither waits for the other's tasks, nor
/// their reports. Consumers: a tile computed, one draining its epilogue, one waiting, one spare. Aides: one run, one spare.
inline constexpr uint32_t kTileSlots = 4;
inline constexpr uint32_t kAideSlots = 2;
inline constexpr uint32_t kTaskSlots = kTileSlots + kAideSlots;
/// Tasks that are not tiles and wait with the clerk: so many that they hardly ever hold up the mailbox for a tile.
inline constexpr uint32_t kPendingTasks = 4;

/// How much of a tile's copies is issued when the next tile may leave the mailbox.
inline constexpr uint32_t kLeadEighths = 4;

/// Words of a pipeline behind its tiles.
template <class Config>
struct PipelineWords {
  uint64_t full[Config::kStages];  ///< stage landed: one arrival and its bytes
  uint64_t empty[Config::kStages]; ///< stage free: one arrival a consumer warp of every block
  uint64_t filled[kTaskSlots];     ///< slot written: one arrival
  uint64_t nearEnd[kTileSlots];    ///< kLeadEighths of its copies are issued: one arrival
  uint64_t begun[kTaskSlots];      ///< first product about to be issued: one arrival
  uint64_t stored[kTaskSlots];     ///< results stored and slot read: one arrival a warp of the stream's and the producer, of every block
  uint64_t begunAt[kTaskSlots];    ///< SM clock at that moment
  alignas(16) TileTask slots[kTaskSlots];
  TileTask pending[kPendingTasks];
};

/// Arrivals of one block that the end of a task in this slot takes.
KT_HD uint32_t storedArrivals(uint32_t slot) { return slot < kTileSlots ? kConsumerWarps + 1 : kAideWarps; }

/// Dynamic shared memory of a pipeline.
template <class Config>
inline constexpr uint32_t kPipelineShared = Config::kTileBytes + static_cast<uint32_t>(sizeof(PipelineWords<Config>));

/// A role's view. `ring` and `words` are shared-memory addresses; the ring starts at a multiple of kSwizzleBytes.
template <class Config>
struct PipelineView {
  using Words = PipelineWords<Config>;

  uint32_t ring;
  uint32_t group;   ///< this consumer warpgroup, from 0; meaningless to the feeding warps
  bool leader;      ///< lane 0 of its warp
  char* memory;

  /// `shared` is the start of kPipelineShared<Config> bytes. By whole warps.
  KT_DEVICE explicit PipelineView(char* shared)
      : ring(ptx::sharedAddress(shared)), group(ptx::shuffle(ptx::warp(), 0) / 4 - 1),
        leader(ptx::lane() == 0), memory(shared) {}

  /// This block in its pair; 0 when it is alone.
  KT_DEVICE static uint32_t cta() {
    if constexpr (Config::kCtas == 1) return 0;
    else return ptx::clusterRank();
  }
  /// First of this warpgroup's columns in the task.
  KT_DEVICE uint32_t firstColumn() const { return cta() * Config::kColumns + group * Config::kGroupColumns; }

  KT_DEVICE uint32_t passBuffer() const { return ring + Config::kRingBytes + group * Config::kPassBytes; }
  KT_DEVICE char* passMemory() const { return memory + Config::kRingBytes + group * Config::kPassBytes; }
  KT_DEVICE char* aideMemory() const { return memory + Config::kTileBytes - kAideBytes; }
  KT_DEVICE Words& words() const { return *reinterpret_cast<Words*>(memory + Config::kTileBytes); }

  KT_DEVICE uint32_t word(uint32_t offset, uint32_t i) const { return ring + Config::kTileBytes + offset + i * 8; }
  KT_DEVICE uint32_t full(uint32_t stage) const { return word(offsetof(Words, full), stage); }
  KT_DEVICE uint32_t empty(uint32_t stage) const { return word(offsetof(Words, empty), stage); }
  KT_DEVICE uint32_t filled(uint32_t slot) const { return word(offsetof(Words, filled), slot); }
  KT_DEVICE uint32_t nearEnd(uint32_t slot) const { return word(offsetof(Words, nearEnd), slot); }
  KT_DEVICE uint32_t begun(uint32_t slot) const { return word(offsetof(Words, begun), slot); }
  KT_DEVICE uint32_t stored(uint32_t slot) const { return word(offsetof(Words, stored), slot); }

  /// The calling warp has left a stage; after all its lanes are done with it.
  KT_DEVICE void releaseStage(uint32_t stage) const {
    ptx::syncWarp();
    if (!leader) return;
    ptx::arrive(empty(stage));
    if constexpr (Config::kCtas > 1) ptx::arriveEmptyCluster(ptx::clusterAddress(empty(stage), cta() ^ 1));
  }

  /// One arrival at the leader's barrier of a task's end. By one thread.
  KT_DEVICE void arriveStored(uint32_t slot) const {
    if constexpr (Config::kCtas == 1) ptx::arrive(stored(slot));
    else ptx::arriveCluster(ptx::clusterAddress(stored(slot), 0));
  }

  /// The calling warp's, after all its lanes have stored their results.
  KT_DEVICE void releaseTask(uint32_t slot) const {
    ptx::syncWarp();
    if (leader) arriveStored(slot);
  }

  /// Whether a task has ended. The leader's clerk.
  KT_DEVICE bool testStored(uint32_t slot, uint32_t parity) const {
    if constexpr (Config::kCtas == 1) return ptx::testWait(stored(slot), parity);
    else return ptx::testWaitCluster(stored(slot), parity);
  }

  /// Gives a filled slot to the roles, those of the pair's other block as well. The leader's clerk.
  KT_DEVICE void publishTask(uint32_t slot) const {
    if constexpr (Config::kCtas > 1) {
      const char* here = reinterpret_cast<const char*>(&words().slots[slot]);
      const uint32_t there = ptx::clusterAddress(ptx::sharedAddress(here), 1);
#pragma unroll
      for (uint32_t i = 0; i < sizeof(TileTask) / 16; ++i) {
        const ptx::Chunk c = ptx::loadChunk(here + i * 16);
        ptx::storeCluster(there + i * 16, c.word[0], c.word[1], c.word[2], c.word[3]);
      }
      ptx::arriveCluster(ptx::clusterAddress(filled(slot), 1));
    }
    ptx::arrive(filled(slot));
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

/// A role's place among the slots of its stream: `Slots` of them from `First`.
template <uint32_t First, uint32_t Slots>
struct SlotCursor {
  static constexpr uint32_t kSlots = Slots;
  uint32_t count = 0;

  KT_DEVICE uint32_t slot() const { return First + count % Slots; }
  KT_DEVICE uint32_t phase() const { return count / Slots & 1; }
};
using TileCursor = SlotCursor<0, kTileSlots>;
using AideCursor = SlotCursor<kTileSlots, kAideSlots>;

/// Prepares a pipeline. All threads of the block, once a launch; `shared` may have held other data before.
template <class Config>
KT_DEVICE void openPipeline(const PipelineView<Config>& pipe) {
  ptx::syncBlock();
  if (pipe.ring % kSwizzleBytes != 0) ptx::fault();  // every swizzled address would be wrong
  if (ptx::thread() == 0) {
    for (uint32_t i = 0; i < Config::kStages; ++i) {
      ptx::initBarrier(pipe.full(i), 1);
      ptx::initBarrier(pipe.empty(i), Config::kCtas * kConsumerWarps);
    }
    for (uint32_t i = 0; i < kTileSlots; ++i) ptx::initBarrier(pipe.nearEnd(i), 1);
    for (uint32_t i = 0; i < kTaskSlots; ++i) {
      ptx::initBarrier(pipe.filled(i), 1);
      ptx::initBarrier(pipe.begun(i), 1);
      ptx::initBarrier(pipe.stored(i), Config::kCtas * storedArrivals(i));
    }
    ptx::fenceBarrierInit();
  }
  ptx::fenceSharedForCopies();  // ordinary accesses to this memory come before the copies into it
  if constexpr (Config::kCtas == 1) ptx::syncBlock();
  else ptx::clusterSync();
}

}  // namespace kerneltwin
