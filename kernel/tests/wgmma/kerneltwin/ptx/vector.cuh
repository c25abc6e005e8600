// Stands in for the kernel's header of the same name; see machine.h.
#pragma once

#include <cstring>
#include <stdexcept>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

struct alignas(16) Chunk {
  uint32_t word[4];
};

inline void requireAligned(const void* p) {
  if (reinterpret_cast<uintptr_t>(p) % 16 != 0) throw std::runtime_error("16-byte access not aligned");
}

inline Chunk loadChunk(const void* from) {
  requireAligned(from);
  Chunk c;
  std::memcpy(&c, from, sizeof c);
  return c;
}

inline void storeChunk(void* to, Chunk c) {
  requireAligned(to);
  std::memcpy(to, &c, sizeof c);
}

}  // namespace kerneltwin::ptx
