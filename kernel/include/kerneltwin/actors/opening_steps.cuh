// Stamps of a launch's opening, for the benchmark that runs it alone (kernel/bench/opening.cu). In any other build they compile
// to nothing: what the opening costs in a whole launch is in its trace.
#pragma once

#include "kerneltwin/ptx/clock.cuh"

namespace kerneltwin {

/// Moments of a processor block, in the order in which they come. All are taken by thread 0.
enum class OpeningStep : uint32_t {
  Entry,        ///< the block's first instruction
  Begin,        ///< LaunchBegin of the trace
  Products,     ///< the logits' sums are complete, all their parts
  Choices,      ///< choices and scales of all tokens are written
  GateEnd,      ///< counted; before the arrival at the rank's barrier
  BarrierLeft,
  Placed,       ///< every choice of the block has its row
  Copied,       ///< the block's rows are in their cells
  End           ///< the block has arrived at its cells and signalled those it completed
};
inline constexpr uint32_t kOpeningSteps = 9;

#if defined(KT_OPENING_STAMPS)
inline constexpr uint32_t kMostStampedBlocks = 4096;
/// Nanoseconds on the global timer; moves in steps of 32.
static __device__ uint64_t openingStamps[kMostStampedBlocks][kOpeningSteps];

KT_DEVICE void stampOpening(OpeningStep step) {
  if (ptx::thread() == 0) openingStamps[ptx::block()][static_cast<uint32_t>(step)] = ptx::globalTimer();
}
#else
KT_DEVICE void stampOpening(OpeningStep) {}
#endif

}  // namespace kerneltwin
