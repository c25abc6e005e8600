// What the tests of this folder share.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "kerneltwin/gemm/wgmma_pipeline.cuh"

namespace kerneltwin {

inline constexpr uint16_t kPoison = 0xffff;

struct Random {
  uint64_t state;
  uint32_t below(uint32_t n) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>((state >> 33) % n);
  }
  bf16 value() { return toBf16((static_cast<float>(below(4096)) - 2048.0f) / 1024.0f); }
};

inline TensorMap mapOf(const std::vector<bf16>& m, uint32_t rows, uint32_t depth, uint32_t box) {
  TensorMap map;
  const ptx::MatrixView view = {m.data(), rows, depth, box};
  std::memcpy(&map, &view, sizeof view);
  return map;
}

struct NoGuard {
  void late(Wait, uint32_t) const {}
};

inline float activated(Activation a, float x) {
  switch (a) {
    case Activation::Relu: return x > 0 ? x : 0;
    case Activation::Gelu: return 0.5f * x * (1.0f + std::erf(x * 0.70710678f));
    case Activation::Silu: return x / (1.0f + std::exp(-x));
    default: return x;
  }
}

}  // namespace kerneltwin
