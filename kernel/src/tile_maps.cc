#include "tile_maps.h"

#include <string>

#include "failure.h"
#include "kerneltwin/gemm/wgmma_maps.h"

namespace kerneltwin {

namespace {

PFN_cuTensorMapEncodeTiled_v12000 mapEncoder() {
  cudaError_t found = cudaSuccess;
  const auto encode = findTensorMapEncoder(found);
  checkCuda(found, "the driver's cuTensorMapEncodeTiled");
  return encode;
}

void checkMaps(CUresult result, const std::string& what) {
  if (result == CUDA_SUCCESS) return;
  throw Failure(KT_CUDA_ERROR,
                "cuTensorMapEncodeTiled: driver error " + std::to_string(static_cast<int>(result)) + " for " + what);
}

}  // namespace

TileMaps makeTileMaps(const Shape& shape, Dtype dtype, const TileMatrices& matrices, uint32_t tileColumns) {
  TileMaps maps;
  checkMaps(encodeTileMaps(mapEncoder(), maps, shape, dtype, matrices, tileColumns),
            "tiles of " + std::to_string(tileColumns) + " columns");
  return maps;
}

GateMaps makeGateMaps(const Shape& shape, Dtype dtype, const bf16* router, const bf16* x) {
  GateMaps maps;
  checkMaps(encodeGateMaps(mapEncoder(), maps, shape, dtype, router, x), "the gate");
  return maps;
}

}  // namespace kerneltwin
