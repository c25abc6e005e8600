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
    using Block = WgmmaBlockOf<typename Config::Element, Config::kCtas>;
    runWgmmaBlock<Config>(args, maps, gate, processors, processorOfBlock<Block>());
  }
};

/// The launch of a block that multiplies with wgmma.
template <class Config>
KT_DEVICE void forwardWgmma(const WgmmaArgs& parameter, uint32_t blocks) {
  using Block = WgmmaBlockOf<typename Config::Element, Config::kCtas>;
  prefetchGateMaps<Block>(parameter.gate);
  launchBlock<Block>(parameter.launch, blocks, WgmmaProcessor<Config>{parameter.maps, parameter.gate});
}

}  // namespace kerneltwin
