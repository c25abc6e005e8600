// Random inputs as a pure function of (seed, tensor, owner, index), the same on device and host, so that any rank and the
// reference can make any expert's weights again.
#pragma once

#include "kerneltwin/gemm/bf16.h"

namespace kerneltwin {

/// A 64-bit mixer (two rounds of multiply and xor-shift): every input bit reaches every output bit.
KT_HD uint64_t mixBits(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  return x;
}

struct FillKey {
  uint64_t seed;
  uint32_t tensor;
  uint32_t owner;
};

/// The key of a (tensor, owner) stream; compute once, then index it.
KT_HD uint64_t streamOf(FillKey key) {
  const uint64_t where = static_cast<uint64_t>(key.tensor) << 32 | key.owner;
  return mixBits(mixBits(key.seed + 0x9e3779b97f4a7c15ull) ^ mixBits(where + 1));
}

/// Element `index` of a stream: uniform in [-amplitude, amplitude) in steps of 2^-23 of it.
KT_HD float fillValue(uint64_t stream, uint64_t index, float amplitude) {
  const uint64_t bits = mixBits(stream + index * 0x9e3779b97f4a7c15ull);
  const float unit = static_cast<float>(static_cast<int32_t>(bits >> 40) - (1 << 23)) * (1.0f / (1 << 23));
  return unit * amplitude;
}

}  // namespace kerneltwin
