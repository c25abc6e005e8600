// What a kernel's address points at in the emulated library.
#pragma once

#include <cstdint>
#include <functional>

namespace emulator {

struct EmulatedKernel {
  uint32_t threads;
  uint32_t sharedBytes;
  /// The launch as each thread runs it, with a copy of the kernel's parameter.
  std::function<void()> (*bind)(const void* parameter, uint32_t blocks);
};

/// A launch's deadline here, where a scheduler's turn counts as a nanosecond.
inline uint64_t emulatedDeadline(uint64_t ns) { return ns / 1000 + 60'000'000; }

}  // namespace emulator
