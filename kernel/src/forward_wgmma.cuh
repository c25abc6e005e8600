// What is behind forward_wgmma.h; included by the translation unit of each tile shape.
#pragma once

#include "forward_wgmma.h"
#include "kerneltwin/actors/forward_wgmma.cuh"

namespace kerneltwin {

/// `Traced` is kTracing of the translation unit: each is compiled with trace code and without.
template <class Config, bool Traced>
__global__ void __launch_bounds__(WgmmaBlock::kThreads, WgmmaBlock::kPerSm)
    forwardWgmmaOn(const __grid_constant__ WgmmaArgs args) {
  static_assert(Traced == kTracing);
  forwardWgmma<Config>(args, gridDim.x);
}

template <class Config, bool Traced>
KernelVariant wgmmaVariant() {
  static_assert(kWgmmaSharedBytes<Config> <= kSharedLimit);
  return {reinterpret_cast<const void*>(&forwardWgmmaOn<Config, Traced>), WgmmaBlock::kThreads, kWgmmaSharedBytes<Config>,
          WgmmaBlock::kSubscribers, Config::kTokens, Config::kTaskColumns, Config::kCtas, true};
}

}  // namespace kerneltwin
