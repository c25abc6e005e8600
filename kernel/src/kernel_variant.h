// The builds of the fused kernel that a world can choose from.
#pragma once

#include <cstdint>

#include "kerneltwin/api.h"
#include "kerneltwin/gemm/element.h"
#include "kerneltwin/layout/shape.h"

namespace kerneltwin {

/// One build, and what a launch of it takes.
struct KernelVariant {
  const void* kernel;
  uint32_t threads;       ///< of a block
  uint32_t sharedBytes;   ///< dynamic
  uint32_t subscribers;
  uint32_t tileTokens;    ///< most tokens of its GEMM tile
  uint32_t tileColumns;   ///< most columns of its GEMM tile
  uint32_t ctas;          ///< blocks that share a tile: one processor, a cluster
  bool maps;              ///< takes WgmmaArgs instead of LaunchArgs
};

/// The build for a world; for wgmma the narrowest tile that holds the shape's, without trace code where the world is not traced
/// (the mma.sync builds have it always). Throws KT_UNSUPPORTED where none does. Needs no GPU.
KernelVariant chooseVariant(kt_transport transport, kt_gemm gemm, Dtype dtype, const Shape& shape, bool traced);

/// The mma.sync build, whose tile every shape it can serve shares. Throws KT_UNSUPPORTED for puts of fp16.
KernelVariant mmaVariant(kt_transport transport, Dtype dtype);

}  // namespace kerneltwin
