// What the 16-bit words of tokens, weights and results mean. Tensors are stored as words (`bf16`, whatever they mean): layout,
// copies and protocol do not care. Where values are made or taken apart, an element type is a template parameter.
#pragma once

#include <cstdint>

#include "kerneltwin/gemm/bf16.h"

namespace kerneltwin {

/// Values are those of kt_dtype.
enum class Dtype : uint32_t { Bf16 = 0, Fp16 = 1 };

struct Bf16Element {
  static constexpr bool kHalf = false;
  KT_HD static float low(uint32_t word) { return lowFloat(word); }
  KT_HD static float high(uint32_t word) { return highFloat(word); }
  KT_HD static uint32_t pack(float low, float high) { return packBf16(low, high); }
};

/// The value of an IEEE binary16.
KT_HD float halfToFloat(uint16_t bits) {
#if defined(__CUDA_ARCH__)
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
#else
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t rest = bits & 0x7fff;
  if (rest >= 0x7c00) return bitsToFloat(sign | 0x7f800000u | (rest & 0x3ff) << 13);
  // The exponent's bias differs by 112; a product with 2^112 also makes subnormal numbers right, and is exact.
  return bitsToFloat(sign | rest << 13) * bitsToFloat((127u + 112u) << 23);
#endif
}

/// Rounds to nearest, ties to even; NaN stays NaN (0x7fff), what is too large becomes infinite.
KT_HD uint16_t floatToHalf(float x) {
#if defined(__CUDA_ARCH__)
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#else
  uint32_t word;
  std::memcpy(&word, &x, sizeof word);
  const uint32_t sign = word >> 16 & 0x8000;
  word &= 0x7fffffffu;
  if (word > 0x7f800000u) return 0x7fff;
  if (word >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00);  // 65520 and more
  if (word < 0x38800000u) {
    // Under 2^-14: adding 0.5 leaves the value in units of 2^-24 in the low bits, rounded as fp32 rounds.
    const float shifted = bitsToFloat(word) + 0.5f;
    std::memcpy(&word, &shifted, sizeof word);
    return static_cast<uint16_t>(sign | (word - 0x3f000000u));
  }
  return static_cast<uint16_t>(sign | (word - (112u << 23) + 0xfff + (word >> 13 & 1)) >> 13);
#endif
}

struct Fp16Element {
  static constexpr bool kHalf = true;
  KT_HD static float low(uint32_t word) { return halfToFloat(static_cast<uint16_t>(word)); }
  KT_HD static float high(uint32_t word) { return halfToFloat(static_cast<uint16_t>(word >> 16)); }
  KT_HD static uint32_t pack(float low, float high) {
#if defined(__CUDA_ARCH__)
    uint32_t word;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
#else
    return floatToHalf(low) | static_cast<uint32_t>(floatToHalf(high)) << 16;
#endif
  }
};

/// One element, of a type known only at run time.
KT_HD float elementToFloat(bf16 x, Dtype dtype) { return dtype == Dtype::Fp16 ? halfToFloat(x.bits) : toFloat(x); }
KT_HD bf16 floatToElement(float x, Dtype dtype) { return dtype == Dtype::Fp16 ? bf16{floatToHalf(x)} : toBf16(x); }

}  // namespace kerneltwin
