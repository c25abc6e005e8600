// One grouped problem on the device: random routing, weights, tokens, tensor maps, task order.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "arguments.h"
#include "device.h"
#include "gemm_tile_kernel.cuh"
#include "gemm_tile_reference.cuh"
#include "kerneltwin/gemm/wgmma_maps.h"

namespace kerneltwin::bench {

/// Rows of every expert when each token chooses `topK` different experts at random.
inline std::vector<uint32_t> routeAtRandom(const ModelShape& m, uint64_t seed) {
  std::vector<uint32_t> rows(m.experts, 0);
  for (uint32_t t = 0; t < m.tokens; ++t) {
    std::vector<uint32_t> chosen;
    for (uint64_t draw = 0; chosen.size() < m.topK; ++draw) {
      const uint32_t e = static_cast<uint32_t>(mix(seed ^ mix(t * 1024ull + draw)) % m.experts);
      if (std::find(chosen.begin(), chosen.end(), e) != chosen.end()) continue;
      chosen.push_back(e);
      ++rows[e];
    }
  }
  return rows;
}

inline Shape worldShape(const ModelShape& m, const std::vector<uint32_t>& rows, uint32_t tileRows, uint32_t tileCols) {
  const uint32_t most = *std::max_element(rows.begin(), rows.end());
  const uint32_t capacity = roundUp(most > 0 ? most : 1, tileRows);
  return {1, m.experts, m.experts, m.tokens, m.hidden, m.intermediate, m.topK, capacity, tileRows, tileCols};
}

enum class Raster { RowBlockFirst, ColumnFirst };

/// Task lists: expert-major. Inside an expert either all columns of a row block before the next row block, or all row blocks
/// of a column before the next column (its weights are then read by neighbours).
inline void appendExpert(std::vector<uint32_t>& order, const Shape& s, const std::vector<uint32_t>& rows, uint32_t expert,
                         bool second, Raster raster) {
  const uint32_t blocks = rowBlocks(s, rows[expert]);
  const uint32_t columns = second ? gemm1Cols(s) : gemm0Cols(s);
  for (uint32_t i = 0; i < blocks * columns; ++i) {
    const uint32_t block = raster == Raster::RowBlockFirst ? i / columns : i % blocks;
    const uint32_t col = raster == Raster::RowBlockFirst ? i % columns : i / blocks;
    order.push_back(second ? gemm1Task(s, expert, 0, block, col) : gemm0Task(s, expert, 0, block, col));
  }
}

/// GEMM1 tasks of expert e follow the GEMM0 tasks of expert e + lag.
inline std::vector<uint32_t> mergedOrder(const Shape& s, const std::vector<uint32_t>& rows, Raster raster, uint32_t lag) {
  std::vector<uint32_t> order;
  for (uint32_t e = 0; e < s.experts + lag; ++e) {
    if (e < s.experts) appendExpert(order, s, rows, e, false, raster);
    if (e >= lag) appendExpert(order, s, rows, e - lag, true, raster);
  }
  return order;
}

inline std::vector<uint32_t> phaseOrder(const Shape& s, const std::vector<uint32_t>& rows, Raster raster, bool second) {
  std::vector<uint32_t> order;
  for (uint32_t e = 0; e < s.experts; ++e) appendExpert(order, s, rows, e, second, raster);
  return order;
}

/// Tensors of one independent copy of the problem. Several are used in turn, so that nothing is found in L2.
struct TensorSet {
  Buffer<bf16> w1, w2, heap, intermediate;
  Buffer<float> b1, b2;
  TileMaps maps;

  /// `boxColumns`: weight rows of one block's tile.
  TensorSet(const Shape& s, const uint32_t* rows, uint64_t seed, uint32_t boxColumns, PFN_cuTensorMapEncodeTiled_v12000 encode)
      : w1(static_cast<uint64_t>(s.slots) * s.intermediate * s.hidden), w2(w1.count()), heap(heapElements(s)),
        intermediate(intermediateElements(s)), b1(static_cast<uint64_t>(s.slots) * s.intermediate),
        b2(static_cast<uint64_t>(s.slots) * s.hidden) {
    const auto scale = [](uint32_t depth) { return 1.0f / std::sqrt(static_cast<float>(depth)); };
    fillNoise<<<1024, 256>>>(w1.get(), w1.count(), mix(seed + 1), scale(s.hidden));
    fillNoise<<<1024, 256>>>(w2.get(), w2.count(), mix(seed + 2), 2 * scale(s.intermediate));
    fillNoiseFloat<<<64, 256>>>(b1.get(), b1.count(), mix(seed + 3), 0.5f);
    fillNoiseFloat<<<64, 256>>>(b2.get(), b2.count(), mix(seed + 4), 0.5f);
    heap.fill(0xff);  // poison: what no tile writes must keep it, and padding rows must not reach any result
    intermediate.fill(0xff);
    fillTokens<<<dim3(256, s.experts), 256>>>(s, heap.get(), rows, mix(seed + 5));
    KT_CUDA(cudaGetLastError());
    KT_CUDA(cudaDeviceSynchronize());
    const CUresult r = encodeTileMaps(encode, maps, s, Dtype::Bf16, {w1.get(), w2.get(), heap.get(), intermediate.get(), s.slots},
                                      boxColumns);
    if (r != CUDA_SUCCESS) die(__FILE__, __LINE__, "cuTensorMapEncodeTiled", std::to_string(static_cast<int>(r)).c_str());
  }
};

}  // namespace kerneltwin::bench
