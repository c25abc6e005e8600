// Names of the CUDA machine that the kernel is written against. Everything below kerneltwin/actors and kerneltwin/gemm
// reaches the hardware through kerneltwin/ptx, so that a second set of these headers (kernel/tests/emulator) can run the very
// same kernel on a CPU.
#pragma once

#include <cstdint>

#define KT_DEVICE __device__ __forceinline__

namespace kerneltwin::ptx {

/// This thread in its block, read afresh on every call (about 20 cycles). Volatile on purpose: otherwise the compiler keeps
/// a dozen values derived from it in registers over the whole launch, and the GEMM tile spills.
KT_DEVICE uint32_t thread() {
  uint32_t index;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
  return index;
}
KT_DEVICE uint32_t lane() { return thread() % 32; }
KT_DEVICE uint32_t warp() { return thread() / 32; }

/// This block in the grid.
KT_DEVICE uint32_t block() { return blockIdx.x; }

/// Barrier of the block's threads; orders their memory accesses among each other.
KT_DEVICE void syncBlock() { __syncthreads(); }

/// The block's dynamic shared memory.
KT_DEVICE char* dynamicShared() {
  extern __shared__ __align__(128) char memory[];
  return memory;
}

/// Shared-memory address of a generic pointer, as the matrix and copy instructions take it.
KT_DEVICE uint32_t sharedAddress(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

/// 2^x in one instruction; relative error at most 2^-22.5. Results under 2^-126 are zero.
KT_DEVICE float exp2Approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// 1 / x in one instruction; relative error at most 2^-23. Results under 2^-126 are zero.
KT_DEVICE float reciprocalApprox(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace kerneltwin::ptx
