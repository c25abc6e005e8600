// Tensor maps, made on the host. The driver's function is found at run time, so nothing links libcuda.
#pragma once

#include <cudaTypedefs.h>
#include <cuda_runtime_api.h>

#include <cstring>

#include "kerneltwin/gemm/wgmma_task.h"

namespace kerneltwin {

/// The driver's encoder, or null with the reason in `status`.
inline PFN_cuTensorMapEncodeTiled_v12000 findTensorMapEncoder(cudaError_t& status) {
  void* entry = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found);
  if (status == cudaSuccess && found != cudaDriverEntryPointSuccess) status = cudaErrorSymbolNotFound;
  return status == cudaSuccess ? reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(entry) : nullptr;
}

/// A row-major matrix of 16-bit elements as the pipeline reads it: boxes of `boxRows` lines of kStageDepth columns, 128-byte swizzle.
/// `rows` up to 2^31 - 1 (coordinates are signed), `columns` a multiple of 8. Rows past the end read as zero.
inline CUresult encodeTensorMap(PFN_cuTensorMapEncodeTiled_v12000 encode, TensorMap& out, Dtype dtype, const bf16* matrix,
                                uint64_t rows, uint64_t columns, uint32_t boxRows) {
  static_assert(sizeof(CUtensorMap) == sizeof(TensorMap) && alignof(CUtensorMap) <= alignof(TensorMap));
  if (rows == 0 || rows >= 1ull << 31) return CUDA_ERROR_INVALID_VALUE;
  const cuuint64_t sizes[2] = {columns, rows};
  const cuuint64_t strides[1] = {columns * sizeof(bf16)};
  const cuuint32_t box[2] = {kStageDepth, boxRows};
  const cuuint32_t elementStrides[2] = {1, 1};
  const CUtensorMapDataType type =
      dtype == Dtype::Fp16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  CUtensorMap map;
  const CUresult result =
      encode(&map, type, 2, const_cast<bf16*>(matrix), sizes, strides, box, elementStrides,
             CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result == CUDA_SUCCESS) std::memcpy(&out, &map, sizeof map);
  return result;
}

/// All maps of a rank for tiles of `tileColumns` (128 or 256) weight rows.
inline CUresult encodeTileMaps(PFN_cuTensorMapEncodeTiled_v12000 encode, TileMaps& maps, const Shape& s,
                               Dtype dtype, const TileMatrices& m, uint32_t tileColumns) {
  const uint64_t experts = m.localExperts;  // not the shape's slots: a box may reach past the last expert's rows
  CUresult r = encodeTensorMap(encode, maps.weights[0], dtype, m.w1, experts * w1Rows(s), s.hidden, tileColumns);
  if (r == CUDA_SUCCESS) {
    r = encodeTensorMap(encode, maps.weights[1], dtype, m.w2, experts * s.hidden, s.intermediate, tileColumns);
  }
  const uint64_t intermediateRows = static_cast<uint64_t>(s.ranks) * s.slots * s.capacity;
  for (uint32_t b = 0; b < kTokenBoxes && r == CUDA_SUCCESS; ++b) {
    r = encodeTensorMap(encode, maps.tokens[0][b], dtype, m.heap, heapRows(s), s.hidden, boxRows(b));
    if (r != CUDA_SUCCESS) break;
    r = encodeTensorMap(encode, maps.tokens[1][b], dtype, m.intermediate, intermediateRows, s.intermediate, boxRows(b));
  }
  return r;
}

/// Maps of the gate's operands: `router` [E][H], `x` [S][H].
inline CUresult encodeGateMaps(PFN_cuTensorMapEncodeTiled_v12000 encode, GateMaps& maps, const Shape& s, Dtype dtype,
                               const bf16* router, const bf16* x) {
  CUresult r = encodeTensorMap(encode, maps.router, dtype, router, s.experts, s.hidden, gateBoxRows(s.experts));
  for (uint32_t b = 0; b < kGateBoxes && r == CUDA_SUCCESS; ++b) {
    r = encodeTensorMap(encode, maps.tokens[b], dtype, x, s.tokens, s.hidden, boxRows(b));
  }
  return r;
}

}  // namespace kerneltwin
