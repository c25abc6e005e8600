// A launch's opening alone: gate, barrier, placing and dispatch on all processors of a rank, and an OS block that only takes
// part in the barrier. The code is that of the fused kernel, with stamps.
#pragma once

#define KT_OPENING_STAMPS
#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/transport_direct.cuh"

namespace kerneltwin::bench {

template <class Block>
inline constexpr uint32_t kOpeningShared = kControlBytes + OpeningMemory<Block>::kBytes;

template <class Block>
__global__ void __launch_bounds__(Block::kThreads, Block::kPerSm)
    openingKernel(const __grid_constant__ LaunchArgs parameter) {
  stampOpening(OpeningStep::Entry);
  const uint32_t processors = gridDim.x - 1;
  beginBlock<Block>(parameter, processors);
  const LaunchArgs& args = control().args;
  SpinState& self = control().spins[0];
  RingTrace trace = {args.trace, &control().rings[0]};
  DeviceMemory mem = {args.work.abort, &self};
  if (ptx::block() == processors) {
    rankBarrier(args, mem, trace, gridDim.x);
    return;
  }
  DirectTransport transport(args);
  openProcessor<Block>(args, mem, transport, trace, self, processors, ptx::block(), control().source.processor);
}

}  // namespace kerneltwin::bench
