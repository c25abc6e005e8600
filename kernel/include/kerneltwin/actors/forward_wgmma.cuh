// The fused forward pass on the wgmma pipeline: the same actors, a processor block of other roles.
#pragma once

#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/processor_wgmma.cuh"
#include "kerneltwin/actors/wgmma_args.h"

namespace kerneltwin {

template <class Config>
struct WgmmaProcessor {
  const TileMaps& maps;
  const GateMaps& gate;

  KT_DEVICE void operator()(const LaunchArgs& args, uint32_t processors) const {
    runWgmmaBlock<Config>(args, maps, gate, processors, ptx::block());
  }
};

/// The launch of a block that multiplies with wgmma.
template <class Config>
KT_DEVICE void forwardWgmma(const WgmmaArgs& parameter, uint32_t blocks) {
  // The first boxes of a launch are the gate's: their maps should have arrived when the block has found its arguments.
  if (ptx::thread() <= kGateBoxes) {
    ptx::prefetchMap(ptx::thread() == 0 ? &parameter.gate.router : &parameter.gate.tokens[ptx::thread() - 1]);
  }
  launchBlock<WgmmaBlockOf<typename Config::Element>>(parameter.launch, blocks,
                                                      WgmmaProcessor<Config>{parameter.maps, parameter.gate});
}

}  // namespace kerneltwin
