// Tensor maps of a world, for the wgmma builds.
#pragma once

#include "kerneltwin/gemm/wgmma_task.h"

namespace kerneltwin {

/// Maps for tiles of `tileColumns` weight rows. Asks the driver; throws Failure with what it said.
TileMaps makeTileMaps(const Shape& shape, Dtype dtype, const TileMatrices& matrices, uint32_t tileColumns);

/// Maps of the gate's operands; likewise.
GateMaps makeGateMaps(const Shape& shape, Dtype dtype, const bf16* router, const bf16* x);

}  // namespace kerneltwin
