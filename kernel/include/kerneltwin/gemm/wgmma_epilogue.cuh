// From accumulators to memory, by one consumer warpgroup: bias, activation, bf16, transposed through shared memory, then whole
// 128-byte lines a token. Passes of a fixed number of tokens keep the buffer small.
//
// Cost of a 128 x 256 tile without activation: per warpgroup 64 stmatrix of four fragments and 16 stores of 16 bytes a thread,
// about 1500 cycles in which the other warpgroup may use the tensor cores alone.
#pragma once

#include <utility>

#include "kerneltwin/gemm/activation.cuh"
#include "kerneltwin/gemm/wgmma_ring.cuh"
#include "kerneltwin/ptx/matrix.cuh"
#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin {

/// Bias of the two rows a thread holds in each fragment. Loaded before the products, so that its latency is hidden.
template <class Config>
struct TileBias {
  float low[Config::kFragments];
  float high[Config::kFragments];

  KT_DEVICE TileBias(const PipelineView<Config>& pipe, const TileTask& task) {
    const uint32_t thread = ptx::thread() % kWarpgroupThreads;
    const uint32_t row = pipe.firstColumn() + accumulatorPlace(thread, 0).row;
#pragma unroll
    for (uint32_t f = 0; f < Config::kFragments; ++f) {
      const uint32_t column = row + f * kFragmentRows;
      const bool has = task.bias != nullptr && column < task.columns;
      low[f] = has ? task.bias[column] : 0.0f;
      high[f] = has ? task.bias[column + 8] : 0.0f;
    }
  }
};

/// Shared-memory address for a lane's part of the transposing store: line (token) and chunk of the four 8x8 fragments
/// (rows +0, +8) x (tokens +0, +8) of its warp. Groups of 16 tokens follow 16 lines apart.
KT_DEVICE uint32_t transposeAddress(uint32_t buffer) {
  const uint32_t lane = ptx::lane();
  return buffer + swizzledOffset(lane / 16 * 8 + lane % 8, ptx::warp() % 4 * 2 + lane / 8 % 2);
}

/// One pass: tokens [Pass * PassTokens, ...) of fragment `F` into the buffer, [token][64 columns].
template <class Config, uint32_t F, uint32_t Pass>
KT_DEVICE void transposePass(float (&acc)[Config::kAccumulators], const TileBias<Config>& bias, Activation activation,
                             uint32_t rows, uint32_t address) {
  constexpr uint32_t kBase = F * Config::kFragmentAccumulators;
#pragma unroll
  for (uint32_t j = 0; j < Config::kPassTokens / 16; ++j) {
    constexpr uint32_t kFirst = Pass * Config::kPassTokens / 8;  // groups of 8 tokens before this pass
    const uint32_t group = kFirst + 2 * j;
    if (group >= Config::kGroups || group * 8 >= rows) break;
    uint32_t f[4];
#pragma unroll
    for (uint32_t h = 0; h < 2; ++h) {
      if (group + h >= Config::kGroups) {
        f[2 * h] = f[2 * h + 1] = 0;
        continue;
      }
      const float* d = &acc[kBase + (group + h) * 4];
      float x[4] = {d[0] + bias.low[F], d[1] + bias.low[F], d[2] + bias.high[F], d[3] + bias.high[F]};
      activateAll(activation, x);
      f[2 * h] = packBf16(x[0], x[1]);
      f[2 * h + 1] = packBf16(x[2], x[3]);
    }
    ptx::storeMatrix4Transposed(address + j * 16 * kLineBytes, f[0], f[1], f[2], f[3]);
  }
}

/// Copies a pass out: eight threads a line, sixteen lines at a time; only rows of the tile.
template <class Config>
KT_DEVICE void storePass(const char* buffer, const TileTask& task, uint32_t firstRow, uint32_t column) {
  const uint32_t thread = ptx::thread() % kWarpgroupThreads;
  const uint32_t chunk = thread % 8;
  bf16* to = task.out + static_cast<uint64_t>(firstRow) * task.stride + column + chunk * 8;
  const uint32_t left = task.rows - firstRow;
#pragma unroll
  for (uint32_t i = 0; i < Config::kPassTokens / 16; ++i) {
    const uint32_t row = thread / 8 + i * 16;
    if (row < left) {
      ptx::storeChunk(to + static_cast<uint64_t>(row) * task.stride,
                      ptx::loadChunk(buffer + swizzledOffset(row, chunk)));
    }
  }
}

template <class Config, uint32_t F, uint32_t Pass>
KT_DEVICE void finishPass(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe, const TileTask& task,
                          const TileBias<Config>& bias, uint32_t barrier) {
  constexpr uint32_t kFirstRow = Pass * Config::kPassTokens;
  const uint32_t column = pipe.firstColumn() + F * kFragmentRows;
  if (kFirstRow >= task.rows || column >= task.columns) return;
  transposePass<Config, F, Pass>(acc, bias, static_cast<Activation>(task.activation), task.rows,
                                 transposeAddress(pipe.passBuffer()));
  ptx::syncThreads(barrier, kWarpgroupThreads);
  storePass<Config>(pipe.passMemory(), task, kFirstRow, column);
  ptx::syncThreads(barrier, kWarpgroupThreads);
}

template <class Config, uint32_t F, uint32_t... Pass>
KT_DEVICE void finishFragment(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe,
                              const TileTask& task, const TileBias<Config>& bias, uint32_t barrier,
                              std::integer_sequence<uint32_t, Pass...>) {
  (finishPass<Config, F, Pass>(acc, pipe, task, bias, barrier), ...);
}

/// The whole epilogue. On return the stores are issued and the buffer may be reused.
template <class Config>
KT_DEVICE void finishTile(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe, const TileTask& task,
                          const TileBias<Config>& bias) {
  using Passes = std::make_integer_sequence<uint32_t, (Config::kTokens + Config::kPassTokens - 1) / Config::kPassTokens>;
  const uint32_t barrier = 1 + pipe.group;
  finishFragment<Config, 0>(acc, pipe, task, bias, barrier, Passes{});
  if constexpr (Config::kFragments == 2) finishFragment<Config, 1>(acc, pipe, task, bias, barrier, Passes{});
}

}  // namespace kerneltwin
