#include "tile_maps.h"

#include <string>

#include "failure.h"
#include "kerneltwin/gemm/wgmma_maps.h"

namespace kerneltwin {

TileMaps makeTileMaps(const Shape& shape, Dtype dtype, const TileMatrices& matrices, uint32_t tileColumns) {
  cudaError_t found = cudaSuccess;
  const auto encode = findTensorMapEncoder(found);
  checkCuda(found, "the driver's cuTensorMapEncodeTiled");
  TileMaps maps;
  const CUresult result = encodeTileMaps(encode, maps, shape, dtype, matrices, tileColumns);
  if (result != CUDA_SUCCESS) {
    throw Failure(KT_CUDA_ERROR, "cuTensorMapEncodeTiled: driver error " + std::to_string(static_cast<int>(result)) +
                                     " for tiles of " + std::to_string(tileColumns) + " columns");
  }
  return maps;
}

}  // namespace kerneltwin
