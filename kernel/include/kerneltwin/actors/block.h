// The block shapes of the fused kernel. The blocks of a launch are processors, one or two blocks each; the last
// processor's place is the OS block's.
#pragma once

#include <cstdint>

#include "kerneltwin/gemm/element.h"

namespace kerneltwin {

/// Warps of a block, how many blocks share an SM, and how many make a processor: its cluster, on neighbouring SMs, of which
/// block 0 (the leader) speaks for all. Warp 0 of the OS block schedules, the others subscribe. `E`: what it multiplies.
template <uint32_t Warps, uint32_t PerSm, uint32_t Ctas = 1, class E = Bf16Element>
struct BlockShape {
  using Element = E;
  static constexpr uint32_t kCtas = Ctas;
  static constexpr uint32_t kWarps = Warps;
  static constexpr uint32_t kThreads = Warps * 32;
  static constexpr uint32_t kPerSm = PerSm;
  static constexpr uint32_t kSubscribers = Warps - 1;
};

/// GEMMs on mma.sync: at most half of an SM's registers and shared memory, so that two blocks fit an SM: one waits on its
/// doorbell or drains an epilogue while the other computes.
template <class E>
using MmaBlockOf = BlockShape<8, 2, 1, E>;
using MmaBlock = MmaBlockOf<Bf16Element>;
/// GEMMs on wgmma: a warpgroup that feeds and two that multiply; the overlap is inside the block. Alone or two a processor.
template <class E, uint32_t Ctas = 1>
using WgmmaBlockOf = BlockShape<12, 1, Ctas, E>;
using WgmmaBlock = WgmmaBlockOf<Bf16Element>;
/// Most warps of any shape.
inline constexpr uint32_t kMaxBlockWarps = WgmmaBlock::kWarps;

inline constexpr uint32_t kBlockThreads = MmaBlock::kThreads;
inline constexpr uint32_t kBlocksPerSm = MmaBlock::kPerSm;
inline constexpr uint32_t kSubscribers = MmaBlock::kSubscribers;

/// Dynamic shared memory of a block: a control page, then the GEMM pipeline, which before and beside the tasks holds the
/// tables of gate, dispatch and OS block. These sizes are those of the mma.sync block; the wgmma block's pipeline is larger.
inline constexpr uint32_t kControlBytes = 2048;
inline constexpr uint32_t kPipelineBytes = 96 * 1024;
inline constexpr uint32_t kGateBytes = 9 * 1024;  ///< the gate's running choices, which must survive its tiles
inline constexpr uint32_t kSharedBytes = kControlBytes + kPipelineBytes + kGateBytes;
static_assert(kBlocksPerSm * (kSharedBytes + 1024) <= 228 * 1024, "CUDA reserves 1 KB a block of an SM's 228 KB");

/// Experts that the tables of gate and dispatch hold in kPipelineBytes.
inline constexpr uint32_t kMaxExperts = 2048;
inline constexpr uint32_t kMaxTopK = 8;
inline constexpr uint32_t kMaxRanks = 1024;
/// Processors whose mailboxes the scheduler tracks in shared memory.
inline constexpr uint32_t kMaxProcessors = 2048;

}  // namespace kerneltwin
