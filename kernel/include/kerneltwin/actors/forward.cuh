// The fused forward pass of one rank: one launch, every block persistent. Block N-1 is the OS block, the others are
// processors.
#pragma once

#include "kerneltwin/actors/os.cuh"
#include "kerneltwin/actors/processor.cuh"

namespace kerneltwin {

/// Ring of a warp: a processor block has one, the OS block one a warp.
KT_DEVICE uint32_t ringIndex(uint32_t processors) {
  return ptx::block() < processors ? ptx::block() : processors + ptx::warp();
}

template <class Transport>
KT_DEVICE void forward(const LaunchArgs& parameter, uint32_t blocks) {
  static_assert(sizeof(LaunchArgs) % 4 == 0 && sizeof(LaunchArgs) / 4 <= kBlockThreads);
  if (ptx::thread() < sizeof(LaunchArgs) / 4) {
    reinterpret_cast<uint32_t*>(&control().args)[ptx::thread()] =
        reinterpret_cast<const uint32_t*>(&parameter)[ptx::thread()];
  }
  ptx::syncBlock();
  const LaunchArgs& args = control().args;
  const uint32_t processors = blocks - 1;
  const bool os = ptx::block() == processors;
  const bool acts = ptx::warp() == 0 || os;
  const uint32_t actor = actorId(ptx::block(), os ? ptx::warp() : 0);
  Control& words = control();
  if (acts && ptx::lane() == 0) {
    words.spins[ptx::warp()] = {ptx::globalTimer() + args.deadlineNs, actor, Site::Start};
    openRing(words.rings[ptx::warp()], args.trace, ringIndex(processors));
  }
  ptx::syncBlock();
  if (os) runOsBlock(args, processors);
  else runProcessorBlock<Transport>(args, processors, ptx::block());
  ptx::syncWarp();
  if (acts && ptx::lane() == 0) {
    closeRing(words.rings[ptx::warp()], args.trace, ringIndex(processors), actor, args.epoch);
  }
}

}  // namespace kerneltwin
