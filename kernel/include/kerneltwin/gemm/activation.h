// Activation functions by name; values are those of kt_activation. What they mean for W1: layout/shape.h.
#pragma once

#include <cstdint>

#include "kerneltwin/layout/host_device.h"

namespace kerneltwin {

enum class Activation : uint32_t {
  Identity = 0,
  Relu = 1,
  Gelu = 2,  ///< x * Phi(x), erf form
  Silu = 3,
  Swiglu = 4,  ///< silu(gate) * up
  Geglu = 5,   ///< gelu(gate) * up
};

/// Whether it makes one column of two sums, a gate's and an up's: the world's shape is then `gated`.
KT_HD constexpr bool isGated(Activation a) { return a == Activation::Swiglu || a == Activation::Geglu; }

}  // namespace kerneltwin
