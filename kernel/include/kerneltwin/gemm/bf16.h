// bf16 as a type of our own: the upper half of an IEEE binary32. One header for device, host and tests, without CUDA's.
#pragma once

#include <cstdint>
#include <cstring>

#include "kerneltwin/layout/host_device.h"

namespace kerneltwin {

struct bf16 {
  uint16_t bits;
};

KT_HD float bitsToFloat(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
#endif
}

KT_HD float toFloat(bf16 x) { return bitsToFloat(static_cast<uint32_t>(x.bits) << 16); }

/// The two values of a packed word.
KT_HD float lowFloat(uint32_t word) { return bitsToFloat(word << 16); }
KT_HD float highFloat(uint32_t word) { return bitsToFloat(word & 0xffff0000u); }

/// Rounds to nearest, ties to even; NaN stays NaN (0x7fff).
KT_HD bf16 toBf16(float x) {
#if defined(__CUDA_ARCH__)
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return {bits};
#else
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {0x7fff};
  return {static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16)};
#endif
}

/// Two values in one word, the first in the low half.
KT_HD uint32_t packBf16(float low, float high) {
#if defined(__CUDA_ARCH__)
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return toBf16(low).bits | static_cast<uint32_t>(toBf16(high).bits) << 16;
#endif
}

}  // namespace kerneltwin
