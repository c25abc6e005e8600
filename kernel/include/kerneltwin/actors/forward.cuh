// The fused forward pass of one rank: one launch, every block persistent. Clusters of Block::kCtas blocks (mostly one) are processors;
// of the last the first block is the OS block, and others have nothing to do.
#pragma once

#include "kerneltwin/actors/os.cuh"
#include "kerneltwin/actors/processor.cuh"

namespace kerneltwin {

/// This block's processor, or the number of processors: then it is the OS block, or one beside it.
template <class Block>
KT_DEVICE uint32_t processorOfBlock() {
  return ptx::block() / Block::kCtas;
}

/// Ring of a warp: a processor has one, the OS block one a warp.
template <class Block>
KT_DEVICE uint32_t ringIndex(uint32_t processors) {
  const uint32_t processor = processorOfBlock<Block>();
  return processor < processors ? processor : processors + ptx::warp();
}

/// What comes first in every block of a launch: its parameter where all threads find it, its spins' deadlines, its rings.
/// All threads; ends with a block barrier.
template <class Block>
KT_DEVICE void beginBlock(const LaunchArgs& parameter, uint32_t processors) {
  static_assert(sizeof(LaunchArgs) % 4 == 0 && sizeof(LaunchArgs) / 4 <= Block::kThreads);
  if (ptx::thread() < sizeof(LaunchArgs) / 4) {
    reinterpret_cast<uint32_t*>(&control().args)[ptx::thread()] =
        reinterpret_cast<const uint32_t*>(&parameter)[ptx::thread()];
  }
  ptx::syncBlock();
  const LaunchArgs& args = control().args;
  const bool os = processorOfBlock<Block>() == processors;
  Control& words = control();
  if ((ptx::warp() == 0 || os) && ptx::lane() == 0) {
    const uint32_t actor = actorId(processorOfBlock<Block>(), os ? ptx::warp() : 0);
    words.spins[ptx::warp()] = {ptx::globalTimer() + args.deadlineNs, actor, Site::Start};
    openRing(words.rings[ptx::warp()], args.trace, ringIndex<Block>(processors));
  }
  ptx::syncBlock();
}

/// One launch of a block. `processorBlock(args, processors)` is that of a processor block, to its last record and the end of
/// its ring: a functor that must be inlined (a lambda might not be), or the tile's registers cross a call.
template <class Block, class ProcessorBlock>
KT_DEVICE void launchBlock(const LaunchArgs& parameter, uint32_t blocks, ProcessorBlock processorBlock) {
  const uint32_t processors = blocks / Block::kCtas - 1;
  beginBlock<Block>(parameter, processors);
  const LaunchArgs& args = control().args;
  if (processorOfBlock<Block>() != processors) {
    processorBlock(args, processors);
    return;
  }
  if (!leads<Block>()) return;
  runOsBlock<Block>(args, processors);
  ptx::syncWarp();
  if (ptx::lane() != 0) return;
  closeRing(control().rings[ptx::warp()], args.trace, ringIndex<Block>(processors), actorId(processors, ptx::warp()),
            args.epoch);
}

template <class Transport, class E>
struct MmaProcessor {
  KT_DEVICE void operator()(const LaunchArgs& args, uint32_t processors) const {
    runProcessorBlock<E, Transport>(args, processors, ptx::block());
  }
};

/// The launch of a block that multiplies with mma.sync.
template <class Transport, class E = Bf16Element>
KT_DEVICE void forward(const LaunchArgs& parameter, uint32_t blocks) {
  launchBlock<MmaBlockOf<E>>(parameter, blocks, MmaProcessor<Transport, E>{});
}

}  // namespace kerneltwin
