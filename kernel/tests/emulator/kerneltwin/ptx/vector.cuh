// The emulator's stand-in for kerneltwin/ptx/vector.cuh. Faults on addresses that the GPU would refuse.
#pragma once

#include <cstring>
#include <stdexcept>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

struct alignas(16) Chunk {
  uint32_t word[4];
};

inline void checkAligned(const void* p) {
  if (reinterpret_cast<uintptr_t>(p) % 16 != 0) throw std::runtime_error("16-byte access is not aligned");
}

inline Chunk loadChunk(const void* from) {
  checkAligned(from);
  Chunk c;
  std::memcpy(&c, from, sizeof c);
  return c;
}

inline Chunk loadChunkL2(const void* from) { return loadChunk(from); }
inline Chunk loadChunkL2(const void* base, uint32_t line) {
  return loadChunk(static_cast<const char*>(base) + static_cast<uint64_t>(line) * 128);
}

inline void storeChunk(void* to, Chunk c) {
  checkAligned(to);
  std::memcpy(to, &c, sizeof c);
}

inline Chunk loadChunkShared(uint32_t address) { return loadChunk(machine().block().shared + address); }

inline void storeShared(uint32_t address, float x) { std::memcpy(machine().block().shared + address, &x, sizeof x); }
inline float loadShared(uint32_t address) {
  float x;
  std::memcpy(&x, machine().block().shared + address, sizeof x);
  return x;
}

inline void storeChunkGlobal(void* to, Chunk c) { storeChunk(to, c); }

inline void storeStreaming(void* to, uint64_t low, uint64_t high) {
  checkAligned(to);
  std::memcpy(to, &low, 8);
  std::memcpy(static_cast<char*>(to) + 8, &high, 8);
}

}  // namespace kerneltwin::ptx
