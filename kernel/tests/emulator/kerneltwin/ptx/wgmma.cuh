// The emulator's stand-in for kerneltwin/ptx/wgmma.cuh. Products are computed when a wait demands it.
#pragma once

#include "kerneltwin/ptx/device.cuh"
#include "tensor.h"

namespace kerneltwin::ptx {

inline void wgmmaFence() {}
inline void wgmmaCommit() { emulator::Tensor::current().commit(); }

template <int Groups>
inline void wgmmaWait() {
  emulator::Tensor::current().computeUntil(Groups);
}

template <uint32_t N>
inline void pin(float (&)[N]) {}

template <uint32_t N>
inline void leaveUndefined(float (&d)[N]) {
  for (float& x : d) x = __builtin_nanf("");
}

template <uint32_t Tokens, bool Half>
inline void wgmma(float* d, uint64_t weights, uint64_t tokens, uint32_t accumulate) {
  static_assert(Tokens % 8 == 0 && Tokens >= 8 && Tokens <= 256);
  emulator::Tensor::current().issue({d, weights, tokens, Tokens, accumulate != 0, Half});
}

}  // namespace kerneltwin::ptx
