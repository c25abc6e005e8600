// Stands in for the kernel's header of the same name; see machine.h. Products are computed when a wait demands it.
#pragma once

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

inline void wgmmaFence() {}

inline void wgmmaCommit() {
  emulator::Fiber& f = emulator::Block::current().fiber();
  f.groups.push_back(std::move(f.open));
  f.open.clear();
}

template <int Groups>
inline void wgmmaWait() {
  emulator::Block::current().computeUntil(Groups);
}

template <uint32_t N>
inline void pin(float (&)[N]) {}

template <uint32_t N>
inline void leaveUndefined(float (&d)[N]) {
  for (float& x : d) x = __builtin_nanf("");
}

template <uint32_t Tokens, bool Half>
inline void wgmma(float* d, uint64_t weights, uint64_t tokens, uint32_t accumulate) {
  static_assert(Tokens % 8 == 0 && Tokens >= 8 && Tokens <= 256 && !Half);
  emulator::Block::current().fiber().open.push_back({d, weights, tokens, Tokens, accumulate != 0});
}

}  // namespace kerneltwin::ptx
