// The one block shape of the fused kernel: every block is a processor but the last, which is the OS block.
#pragma once

#include <cstdint>

namespace kerneltwin {

/// Eight warps and at most half of an SM's registers and shared memory, so that two blocks fit an SM: one waits on its
/// doorbell or drains an epilogue while the other computes.
inline constexpr uint32_t kBlockWarps = 8;
inline constexpr uint32_t kBlockThreads = kBlockWarps * 32;
inline constexpr uint32_t kBlocksPerSm = 2;

/// Warp 0 of the OS block schedules, the others subscribe.
inline constexpr uint32_t kSubscribers = kBlockWarps - 1;

/// Dynamic shared memory of a block: a control page, then the GEMM pipeline, which before and beside the tasks holds the
/// tables of gate, dispatch and OS block.
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
inline constexpr uint32_t kMaxProcessors = 4096;

}  // namespace kerneltwin
