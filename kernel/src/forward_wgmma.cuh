// What is behind forward_wgmma.h; included by the translation unit of each tile shape.
#pragma once

#include "forward_wgmma.h"
#include "kerneltwin/actors/forward_wgmma.cuh"

namespace kerneltwin {

template <class Config>
__global__ void __launch_bounds__(WgmmaBlock::kThreads, WgmmaBlock::kPerSm)
    forwardWgmmaOn(const __grid_constant__ WgmmaArgs args) {
  forwardWgmma<Config>(args, gridDim.x);
}

template <class Config>
KernelVariant wgmmaVariant() {
  static_assert(kWgmmaSharedBytes<Config> <= kSharedLimit);
  return {reinterpret_cast<const void*>(&forwardWgmmaOn<Config>), WgmmaBlock::kThreads, kWgmmaSharedBytes<Config>,
          WgmmaBlock::kSubscribers, Config::kTokens, Config::kColumns, true};
}

}  // namespace kerneltwin
