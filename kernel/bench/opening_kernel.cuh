// A launch's opening alone: gate, barrier, placing and dispatch on all processors of a rank, and an OS block that only takes
// part in the barrier. The code is that of the fused kernel, with stamps.
#pragma once

#include <type_traits>

#define KT_OPENING_STAMPS
#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/transport_direct.cuh"
#include "kerneltwin/gemm/logits_boxes.cuh"

namespace kerneltwin::bench {

template <class Block>
inline constexpr uint32_t kOpeningShared = kControlBytes + OpeningMemory<Block>::kBytes;

/// The kernel's parameter; `gate` is for LogitBoxes alone.
struct OpeningArgs {
  GateMaps gate;
  LaunchArgs launch;
};

/// How a feed of the gate is made.
template <class Block>
KT_DEVICE LogitBoxes<Block> feedOf(const OpeningArgs& parameter, LogitBoxes<Block>*) {
  return LogitBoxes<Block>(parameter.gate);
}
template <class Block>
KT_DEVICE LogitCopies<Block> feedOf(const OpeningArgs&, LogitCopies<Block>*) {
  return {};
}

template <class Block, class Feed>
__global__ void __launch_bounds__(Block::kThreads, Block::kPerSm)
    openingKernel(const __grid_constant__ OpeningArgs parameter) {
  stampOpening(OpeningStep::Entry);
  if constexpr (std::is_same_v<Feed, LogitBoxes<Block>>) prefetchGateMaps<Block>(parameter.gate);
  const uint32_t processors = gridDim.x - 1;
  beginBlock<Block>(parameter.launch, processors);
  const LaunchArgs& args = control().args;
  SpinState& self = control().spins[0];
  RingTrace trace = {args.trace, &control().rings[0]};
  DeviceMemory mem = {args.work.abort, &self};
  if (ptx::block() == processors) {
    rankBarrier(args, mem, trace, gridDim.x);
    return;
  }
  DirectTransport transport(args);
  openProcessor<Block>(args, mem, transport, trace, self, processors, ptx::block(), control().source.processor,
                       feedOf<Block>(parameter, static_cast<Feed*>(nullptr)));
}

}  // namespace kerneltwin::bench
