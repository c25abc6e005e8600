// Activation functions, chosen at run time: one uniform branch per tile, not per element.
//
// They run in the epilogue, where every instruction an element costs a few percent of a tile. So their errors are fitted to
// bf16, which rounds to 2^-9: all are below 2^-14 of the value in both tails, where the value itself goes to zero
// (kernel/tests/activation holds them against long double). A special-function instruction issues every 8 cycles, any other
// every cycle.
#pragma once

#include <cmath>
#include <cstdint>

#include "kerneltwin/gemm/activation.h"
#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin {

/// x * Phi(x) as relu(x) - |x| * Phi(-|x|): one special function, nine other instructions. -log2 Phi(-a) is a polynomial of a,
/// minimax over 0 to 8 (error 4.3e-5, or 2^-15 of the result); beyond it only grows, where the result is under 5e-15.
KT_DEVICE float gelu(float x) {
  const float a = fabsf(x);
  float log = -1.2624281e-06f;
  log = fmaf(log, a, 4.8202441e-05f);
  log = fmaf(log, a, -8.0723892e-04f);
  log = fmaf(log, a, 7.9445289e-03f);
  log = fmaf(log, a, -5.2635249e-02f);
  log = fmaf(log, a, -4.5995697e-01f);
  log = fmaf(log, a, -1.1506099f);
  log = fmaf(log, a, -1.0000430f);
  return fmaf(-a, ptx::exp2Approx(log), fmaxf(x, 0.0f));
}

/// x / (1 + e^-x): two special functions, three other instructions. Under -88 the exponential is infinite and the result -0.
KT_DEVICE float silu(float x) {
  return x * ptx::reciprocalApprox(1.0f + ptx::exp2Approx(-1.4426950f * x));
}

template <Activation A>
KT_DEVICE float activate(float x) {
  if constexpr (A == Activation::Relu) return fmaxf(x, 0.0f);
  if constexpr (A == Activation::Gelu) return gelu(x);
  if constexpr (A == Activation::Silu) return silu(x);
  return x;
}

/// The gated functions: of the sums of a gate row and of its up row.
template <Activation A>
KT_DEVICE float activateGated(float gate, float up) {
  static_assert(isGated(A));
  return activate<A == Activation::Swiglu ? Activation::Silu : Activation::Gelu>(gate) * up;
}

/// Applies `a`, not gated, to all elements of a register array.
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
