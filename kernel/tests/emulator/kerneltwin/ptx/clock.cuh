// The emulator's stand-in for kerneltwin/ptx/clock.cuh: one clock, a scheduler turn is a nanosecond and a cycle.
#pragma once

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

inline uint64_t globalTimer() { return machine().now(); }
inline uint64_t cycles() { return machine().now(); }
inline void anchor(uint64_t& ns, uint64_t& ticks) { ns = ticks = machine().now(); }

}  // namespace kerneltwin::ptx
