// The emulator's stand-in for kerneltwin/ptx/device.cuh: see kernel/tests/emulator/machine.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "machine.h"

#define KT_DEVICE inline

namespace kerneltwin::ptx {

inline emulator::Machine& machine() { return emulator::Machine::current(); }

inline uint32_t thread() { return machine().thread().index; }
inline uint32_t lane() { return thread() % 32; }
inline uint32_t warp() { return thread() / 32; }
inline uint32_t block() { return machine().block().index; }
inline void syncBlock() {
  emulator::Block& b = machine().block();
  machine().meet(b.meeting, static_cast<uint32_t>(b.threads.size()));
}
inline char* dynamicShared() { return machine().block().shared; }
inline uint32_t sharedAddress(const void* p) {
  return static_cast<uint32_t>(static_cast<const char*>(p) - machine().block().shared);
}
inline float exp2Approx(float x) { return std::exp2(x); }
inline float reciprocalApprox(float x) { return 1.0f / x; }

}  // namespace kerneltwin::ptx
