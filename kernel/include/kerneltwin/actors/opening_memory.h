// Shared memory of a launch's opening (gate, placing, dispatch), behind the control page: what the pipeline of the tasks will
// use later. Blocks that have an SM to themselves have more of it.
#pragma once

#include "kerneltwin/actors/block.h"
#include "kerneltwin/gemm/tile.h"

namespace kerneltwin {

/// Most bytes of the sums of a tile of logits: four parts of 128 tokens x 32 columns, lines four words apart (logits_mma.cuh).
inline constexpr uint32_t kLogitSumBytes = 4 * 128 * (32 + 4) * 4;

template <class Block>
struct OpeningMemory {
  /// At most what the smallest pipeline of this block shape has.
  static constexpr uint32_t kBytes = Block::kPerSm == 1 ? 192 * 1024 : kPipelineBytes + kGateBytes;
  /// Slices of the gate's tiles, then their sums; afterwards the tables and the rows under way.
  static constexpr uint32_t kTileBytes = kBytes - kGateBytes;
  /// Barriers of the gate's ring, at the end of those bytes: its slices begin at the start.
  static constexpr uint32_t kGateBarrierBytes = 512;
  static constexpr uint32_t kGateBarriers = kTileBytes - kGateBarrierBytes;
  /// The warps' sums of a tile, behind the tables that are in use while they are read (two words an expert).
  static constexpr uint32_t kSums = kGateBarriers - kLogitSumBytes;
  static_assert(kSums >= 2 * 4 * kMaxExperts && kSums % 16 == 0);
  /// Stages of the gate's pipeline, one of which is read while the others fill: enough bytes in flight to hide the memory's
  /// latency (an SM's part of 4.3 TB/s times 1 us is 33 KB).
  static constexpr uint32_t kStages = Block::kPerSm == 1 ? 5 : 3;
  static constexpr uint32_t kStageBytes = kTileBytes / kStages / 128 * 128;
  static_assert(kStageBytes >= (kTileCols + kTileRows) * kTileDepth * 2, "a stage holds 64 elements of the largest tile");
};

}  // namespace kerneltwin
