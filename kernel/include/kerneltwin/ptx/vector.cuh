// 16-byte accesses.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// Eight bf16 values.
struct alignas(16) Chunk {
  uint32_t word[4];
};

KT_DEVICE Chunk loadChunk(const void* from) {
  Chunk c;
  asm volatile("ld.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(c.word[0]), "=r"(c.word[1]), "=r"(c.word[2]), "=r"(c.word[3])
               : "l"(from)
               : "memory");
  return c;
}

/// Past L1: for what other SMs and peers wrote in this launch.
KT_DEVICE Chunk loadChunkL2(const void* from) {
  Chunk c;
  asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(c.word[0]), "=r"(c.word[1]), "=r"(c.word[2]), "=r"(c.word[3])
               : "l"(from)
               : "memory");
  return c;
}

/// The same at line `line` of 128 bytes from `base`, which stays one register pair: the compiler would take it apart into the
/// terms of its sum and keep them all.
KT_DEVICE Chunk loadChunkL2(const void* base, uint32_t line) {
  Chunk c;
  asm volatile(
      "{\n"
      ".reg .u64 from;\n"
      "mad.wide.u32 from, %5, 128, %4;\n"
      "ld.global.cg.v4.u32 {%0, %1, %2, %3}, [from];\n"
      "}\n"
      : "=r"(c.word[0]), "=r"(c.word[1]), "=r"(c.word[2]), "=r"(c.word[3])
      : "l"(base), "r"(line)
      : "memory");
  return c;
}

KT_DEVICE void storeChunk(void* to, Chunk c) {
  asm volatile("st.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(c.word[0]), "r"(c.word[1]), "r"(c.word[2]),
               "r"(c.word[3])
               : "memory");
}

/// From a shared-memory address.
KT_DEVICE Chunk loadChunkShared(uint32_t address) {
  Chunk c;
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(c.word[0]), "=r"(c.word[1]), "=r"(c.word[2]), "=r"(c.word[3])
               : "r"(address)
               : "memory");
  return c;
}

/// To a shared-memory address.
KT_DEVICE void storeShared(uint32_t address, float x) {
  asm volatile("st.shared.f32 [%0], %1;" ::"r"(address), "f"(x) : "memory");
}

/// From a shared-memory address.
KT_DEVICE float loadShared(uint32_t address) {
  float x;
  asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"(address) : "memory");
  return x;
}

/// As storeChunk, where the address is known to be global memory's.
KT_DEVICE void storeChunkGlobal(void* to, Chunk c) {
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(c.word[0]), "r"(c.word[1]), "r"(c.word[2]),
               "r"(c.word[3])
               : "memory");
}

/// Written once and not read again by this kernel.
KT_DEVICE void storeStreaming(void* to, uint64_t low, uint64_t high) {
  asm volatile("st.global.cs.v2.u64 [%0], {%1, %2};" ::"l"(to), "l"(low), "l"(high) : "memory");
}

}  // namespace kerneltwin::ptx
