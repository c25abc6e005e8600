// Stands in for the kernel's header of the same name; see machine.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "machine.h"

#define KT_DEVICE inline

namespace kerneltwin::ptx {

inline uint32_t thread() { return emulator::Block::current().thread(); }
inline uint32_t lane() { return thread() % 32; }
inline uint32_t warp() { return thread() / 32; }
inline void syncBlock() { emulator::Block::current().meet(0, 384); }
inline uint32_t sharedAddress(const void* p) { return emulator::Block::current().addressOf(p); }
inline float exp2Approx(float x) { return std::exp2(x); }
inline float reciprocalApprox(float x) { return 1.0f / x; }

}  // namespace kerneltwin::ptx
