// Activation functions, chosen at run time: one uniform branch per tile, not per element.
#pragma once

#include <cmath>
#include <cstdint>

#include "kerneltwin/gemm/activation.h"
#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin {

template <Activation A>
KT_DEVICE float activate(float x) {
  if constexpr (A == Activation::Relu) return fmaxf(x, 0.0f);
  if constexpr (A == Activation::Gelu) return 0.5f * x * (1.0f + erff(x * 0.70710678f));
  if constexpr (A == Activation::Silu) return x / (1.0f + ptx::fastExp(-x));
  return x;
}

/// Applies `a` to all elements of a register array.
template <uint32_t N>
KT_DEVICE void activateAll(Activation a, float (&x)[N]) {
  auto apply = [&]<Activation kind>() {
#pragma unroll
    for (uint32_t i = 0; i < N; ++i) x[i] = activate<kind>(x[i]);
  };
  switch (a) {
    case Activation::Relu: apply.template operator()<Activation::Relu>(); break;
    case Activation::Gelu: apply.template operator()<Activation::Gelu>(); break;
    case Activation::Silu: apply.template operator()<Activation::Silu>(); break;
    default: break;
  }
}

}  // namespace kerneltwin
