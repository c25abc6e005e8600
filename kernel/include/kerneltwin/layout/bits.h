// Bit helpers that map to one instruction on the device.
#pragma once

#include <cstdint>

#include "kerneltwin/layout/host_device.h"

namespace kerneltwin {

KT_HD uint32_t countBits(uint32_t x) {
#if defined(__CUDA_ARCH__)
  return __popc(x);
#else
  return static_cast<uint32_t>(__builtin_popcount(x));
#endif
}

/// Index of the lowest set bit; `x` must not be zero.
KT_HD uint32_t lowestBit(uint32_t x) {
#if defined(__CUDA_ARCH__)
  return __ffs(x) - 1;
#else
  return static_cast<uint32_t>(__builtin_ctz(x));
#endif
}

/// The lowest `count` bits set; all of them from 32 on.
KT_HD uint32_t lowMask(uint32_t count) { return count >= 32 ? 0xffffffffu : (1u << count) - 1; }

}  // namespace kerneltwin
