// From accumulators to memory, by one consumer warpgroup: bias, activation, rounding, transposed through shared memory, then whole
// 128-byte lines a token (half lines where the activation is gated: two sums make a column). Passes of a fixed number of tokens
// keep the buffer small.
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
template <class Config, Activation A, uint32_t F, uint32_t Pass>
KT_DEVICE void transposePass(float (&acc)[Config::kAccumulators], const TileBias<Config>& bias, uint32_t rows,
                             uint32_t address) {
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
      f[2 * h] = Config::Element::pack(activate<A>(d[0] + bias.low[F]), activate<A>(d[1] + bias.low[F]));
      f[2 * h + 1] = Config::Element::pack(activate<A>(d[2] + bias.high[F]), activate<A>(d[3] + bias.high[F]));
    }
    ptx::storeMatrix4Transposed(address + j * 16 * kLineBytes, f[0], f[1], f[2], f[3]);
  }
}

/// transposeAddress for a gated pass: chunk of the warp's 8 columns, and tokens +0, +8, +16 and +24. Groups of 32 tokens follow 32
/// lines apart.
KT_DEVICE uint32_t transposeGatedAddress(uint32_t buffer) {
  return buffer + swizzledOffset(ptx::lane(), ptx::warp() % 4);
}

/// The same pass with a gated activation: of each 16 rows a thread holds a gate's and its up's, so a fragment makes 32 columns.
template <class Config, Activation A, uint32_t F, uint32_t Pass>
KT_DEVICE void transposeGatedPass(float (&acc)[Config::kAccumulators], const TileBias<Config>& bias, uint32_t rows,
                                  uint32_t address) {
  constexpr uint32_t kBase = F * Config::kFragmentAccumulators;
  constexpr uint32_t kFirst = Pass * Config::kPassTokens / 8;
  constexpr uint32_t kPassGroups = Config::kPassTokens / 8;
#pragma unroll
  for (uint32_t j = 0; j < kPassGroups; j += 4) {
    const uint32_t group = kFirst + j;
    if (group >= Config::kGroups || group * 8 >= rows) break;
    uint32_t f[4];
#pragma unroll
    for (uint32_t h = 0; h < 4; ++h) {
      f[h] = 0;
      if (j + h >= kPassGroups || group + h >= Config::kGroups) continue;
      const float* d = &acc[kBase + (group + h) * 4];
      f[h] = Config::Element::pack(activateGated<A>(d[0] + bias.low[F], d[2] + bias.high[F]),
                      activateGated<A>(d[1] + bias.low[F], d[3] + bias.high[F]));
    }
    const uint32_t to = address + j * kSwizzleBytes;
    if (j + 2 < kPassGroups) ptx::storeMatrix4Transposed(to, f[0], f[1], f[2], f[3]);
    else ptx::storeMatrix2Transposed(to, f[0], f[1]);
  }
}

/// Copies a pass of lines of `Chunks` chunks out: as many threads a line; only rows of the tile. All loads are under way before
/// the first store waits for its own.
template <class Config, uint32_t Chunks>
KT_DEVICE void storePass(uint32_t buffer, const TileTask& task, uint32_t firstRow, uint32_t column) {
  constexpr uint32_t kAtOnce = kWarpgroupThreads / Chunks;
  constexpr uint32_t kLines = (Config::kPassTokens + kAtOnce - 1) / kAtOnce;
  const uint32_t thread = ptx::thread() % kWarpgroupThreads;
  const uint32_t chunk = thread % Chunks;
  const uint32_t line = thread / Chunks;
  const uint64_t step = static_cast<uint64_t>(task.stride) * kAtOnce;
  bf16* to = task.out + static_cast<uint64_t>(firstRow + line) * task.stride + column + chunk * 8;
  const uint32_t rows = task.rows - firstRow;
  const uint32_t most = rows < Config::kPassTokens ? rows : Config::kPassTokens;
  const uint32_t left = task.out == nullptr ? 0 : most;
  ptx::Chunk data[kLines];
#pragma unroll
  for (uint32_t i = 0; i < kLines; ++i) data[i] = ptx::loadChunkShared(buffer + swizzledOffset(line + i * kAtOnce, chunk));
#pragma unroll
  for (uint32_t i = 0; i < kLines; ++i) {
    if (line + i * kAtOnce < left) ptx::storeChunkGlobal(to + i * step, data[i]);
  }
}

/// Passes take turns with the group's buffers: with two, a pass is written while the one before it is read.
template <class Config, Activation A, uint32_t F, uint32_t Pass>
KT_DEVICE void finishPass(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe, const TileTask& task,
                          const TileBias<Config>& bias) {
  constexpr uint32_t kFirstRow = Pass * Config::kPassTokens;
  const uint32_t column = pipe.firstColumn() + F * kFragmentRows;
  if (kFirstRow >= task.rows || column >= task.columns) return;
  const uint32_t buffer = pipe.passBuffer() + Pass % Config::kPassBuffers * (Config::kPassTokens * kLineBytes);
  if constexpr (isGated(A)) transposeGatedPass<Config, A, F, Pass>(acc, bias, task.rows, transposeGatedAddress(buffer));
  else transposePass<Config, A, F, Pass>(acc, bias, task.rows, transposeAddress(buffer));
  ptx::syncThreads(1 + pipe.group, kWarpgroupThreads);
  if constexpr (isGated(A)) storePass<Config, 4>(buffer, task, kFirstRow, column / 2);
  else storePass<Config, 8>(buffer, task, kFirstRow, column);
  // What comes next into this buffer is `kPassBuffers` passes away; the barriers of those between keep it off.
  if constexpr (Config::kPassBuffers == 1) ptx::syncThreads(1 + pipe.group, kWarpgroupThreads);
}

template <class Config, Activation A, uint32_t F, uint32_t... Pass>
KT_DEVICE void finishFragment(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe,
                              const TileTask& task, const TileBias<Config>& bias,
                              std::integer_sequence<uint32_t, Pass...>) {
  (finishPass<Config, A, F, Pass>(acc, pipe, task, bias), ...);
  // The next pass of this group, be it the next fragment's or the next tile's, begins with the first buffer.
  if constexpr (Config::kPassBuffers > 1) ptx::syncThreads(1 + pipe.group, kWarpgroupThreads);
}

template <class Config, Activation A>
KT_DEVICE void finishTileAs(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe, const TileTask& task,
                            const TileBias<Config>& bias) {
  using Passes = std::make_integer_sequence<uint32_t, (Config::kTokens + Config::kPassTokens - 1) / Config::kPassTokens>;
  finishFragment<Config, A, 0>(acc, pipe, task, bias, Passes{});
  if constexpr (Config::kFragments == 2) finishFragment<Config, A, 1>(acc, pipe, task, bias, Passes{});
}

/// The whole epilogue. On return the stores are issued and the buffer may be reused. The activation is chosen once: chosen an
/// element group at a time, the code of all of them no longer fits the instruction cache (measured: 6500 cycles a 128 x 256
/// tile even for the identity).
template <class Config>
KT_DEVICE void finishTile(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe, const TileTask& task,
                          const TileBias<Config>& bias) {
  switch (static_cast<Activation>(ptx::shuffle(task.activation, 0))) {
    case Activation::Relu: finishTileAs<Config, Activation::Relu>(acc, pipe, task, bias); break;
    case Activation::Gelu: finishTileAs<Config, Activation::Gelu>(acc, pipe, task, bias); break;
    case Activation::Silu: finishTileAs<Config, Activation::Silu>(acc, pipe, task, bias); break;
    case Activation::Swiglu: finishTileAs<Config, Activation::Swiglu>(acc, pipe, task, bias); break;
    case Activation::Geglu: finishTileAs<Config, Activation::Geglu>(acc, pipe, task, bias); break;
    default: finishTileAs<Config, Activation::Identity>(acc, pipe, task, bias); break;
  }
}

}  // namespace kerneltwin
