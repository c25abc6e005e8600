// Activation functions by name; values are those of kt_activation.
#pragma once

#include <cstdint>

namespace kerneltwin {

enum class Activation : uint32_t {
  Identity = 0,
  Relu = 1,
  Gelu = 2,  ///< x * Phi(x), erf form
  Silu = 3,
};

}  // namespace kerneltwin
