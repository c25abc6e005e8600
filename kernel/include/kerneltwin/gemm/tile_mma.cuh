// GEMM tile on mma.sync: eight warps, 32 columns x 64 tokens each, fed by a three-stage cp.async pipeline.
//
// Bounds per 128x128x64 step and SM: 0.26 us of tensor work at the mma.sync rate; 48 KB through ldmatrix, about as long.
// So two blocks an SM keep both busy; the wgmma version will not go through registers.
#pragma once

#include "kerneltwin/actors/block.h"
#include "kerneltwin/gemm/activation.cuh"
#include "kerneltwin/gemm/tile.h"
#include "kerneltwin/ptx/async_copy.cuh"
#include "kerneltwin/ptx/matrix.cuh"
#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin {

inline constexpr uint32_t kPipelineStages = 3;
inline constexpr uint32_t kOperandBytes = kTileRows * kTileDepth * 2;
inline constexpr uint32_t kStageBytes = 2 * kOperandBytes;
static_assert(kTileRows == kTileCols && kPipelineStages * kStageBytes <= kPipelineBytes);

inline constexpr uint32_t kTileWarps = 8;          ///< warps that work on a tile
inline constexpr uint32_t kWarpsAcrossColumns = 4;
inline constexpr uint32_t kWarpColumns = 32;      ///< columns of a warp: two 16-row fragments of M
inline constexpr uint32_t kGroupTokens = 16;      ///< tokens of a group: two 8-column fragments of N
inline constexpr uint32_t kWarpGroups = 4;        ///< most groups of a warp

/// Accumulators of a thread: [16-column fragment][8-token fragment][4].
/// Elements 0, 1: column lane / 4, tokens 2 * (lane % 4) and + 1; elements 2, 3: eight columns further.
using TileAccumulators = float[2][2 * kWarpGroups][4];

/// A warp's part of the tile. Groups of tokens are dealt evenly to the two halves of the block, so that a short row
/// block keeps all warps busy.
struct WarpPart {
  uint32_t column;     ///< first column
  uint32_t firstGroup; ///< first group of 16 tokens
  uint32_t groups;     ///< 0 to 4; zero for a warp with nothing to compute
};

KT_DEVICE WarpPart warpPart(const TileOperands& t) {
  const uint32_t warp = ptx::warp();
  const uint32_t groups = (t.rows + kGroupTokens - 1) / kGroupTokens;
  const uint32_t half = (groups + 1) / 2;
  WarpPart part;
  part.column = warp % kWarpsAcrossColumns * kWarpColumns;
  part.firstGroup = warp < kWarpsAcrossColumns ? 0 : half;
  part.groups = warp < kWarpsAcrossColumns ? half : groups - half;
  if (part.column >= t.columns) part.groups = 0;
  return part;
}

/// Copies stages of both operands. A thread owns one 16-byte chunk of every 32nd row; chunk c of row r lies at chunk
/// c ^ (r % 8) of its line, which makes both the copies and ldmatrix free of bank conflicts. Rows past the end are not
/// copied: what lies there only feeds results that are never stored.
struct StageLoader {
  const char* weights;
  const char* tokens;
  uint32_t passStride;   ///< bytes from a row to the one 32 further
  uint32_t place;
  uint32_t weightsLeft;  ///< rows from this thread's first to the end; zero when there is none
  uint32_t tokensLeft;

  KT_DEVICE explicit StageLoader(const TileOperands& t) {
    const uint32_t row = ptx::thread() / 8;
    const uint32_t chunk = ptx::thread() % 8;
    weights = reinterpret_cast<const char*>(t.weights) + row * t.depth * 2 + chunk * 16;
    tokens = reinterpret_cast<const char*>(t.tokens) + row * t.depth * 2 + chunk * 16;
    passStride = 32 * t.depth * 2;
    place = row * 128 + ((chunk ^ (row % 8)) * 16);
    weightsLeft = t.columns > row ? t.columns - row : 0;
    tokensLeft = t.rows > row ? t.rows - row : 0;
  }

  /// Starts the copies of the next stage into the stage at shared address `stage`.
  KT_DEVICE void load(uint32_t stage) {
#pragma unroll
    for (uint32_t i = 0; i < 4; ++i) {
      if (32 * i < weightsLeft) ptx::copyAsync16(stage + place + i * 32 * 128, weights + i * passStride);
    }
#pragma unroll
    for (uint32_t i = 0; i < 4; ++i) {
      if (32 * i < tokensLeft) ptx::copyAsync16(stage + kOperandBytes + place + i * 32 * 128, tokens + i * passStride);
    }
    weights += kTileDepth * 2;
    tokens += kTileDepth * 2;
  }
};

/// One stage of products. `All`: the warp has all four groups, so that loads and products interleave without branches.
template <bool All, class E>
KT_DEVICE void multiplyStage(TileAccumulators& acc, uint32_t weights, uint32_t tokens,
                                              uint32_t weightChunk, uint32_t tokenChunk, uint32_t groups) {
#pragma unroll
  for (uint32_t kk = 0; kk < kTileDepth / 16; ++kk) {
    uint32_t a[2][4];
    uint32_t b[kWarpGroups][4];
#pragma unroll
    for (uint32_t i = 0; i < 2; ++i) ptx::loadMatrix4(a[i], weights + i * 16 * 128 + (weightChunk ^ kk * 32));
#pragma unroll
    for (uint32_t j = 0; j < kWarpGroups; ++j) {
      if (All || j < groups) ptx::loadMatrix4(b[j], tokens + j * kGroupTokens * 128 + (tokenChunk ^ kk * 32));
    }
#pragma unroll
    for (uint32_t j = 0; j < kWarpGroups; ++j) {
      if (!All && j >= groups) break;
#pragma unroll
      for (uint32_t i = 0; i < 2; ++i) {
        ptx::mma<E::kHalf>(acc[i][2 * j], a[i], b[j][0], b[j][1]);
        ptx::mma<E::kHalf>(acc[i][2 * j + 1], a[i], b[j][2], b[j][3]);
      }
    }
  }
}

/// Accumulates the whole depth. On return all copies have landed and all threads are done with the stages.
template <class E>
KT_DEVICE void accumulateTile(const TileOperands& t, uint32_t shared, const WarpPart& part, TileAccumulators& acc) {
#pragma unroll
  for (uint32_t i = 0; i < 2; ++i)
#pragma unroll
    for (uint32_t j = 0; j < 2 * kWarpGroups; ++j)
#pragma unroll
      for (uint32_t c = 0; c < 4; ++c) acc[i][j][c] = 0.0f;

  const uint32_t lane = ptx::lane();
  const uint32_t weightPlace = (part.column + lane % 16) * 128;
  const uint32_t weightChunk = ((lane / 16) ^ (lane % 8)) * 16;
  const uint32_t tokenPlace = kOperandBytes + (part.firstGroup * kGroupTokens + lane % 8 + lane / 16 * 8) * 128;
  const uint32_t tokenChunk = ((lane / 8 % 2) ^ (lane % 8)) * 16;

  uint32_t left = t.depth / kTileDepth;
  StageLoader loader(t);
#pragma unroll
  for (uint32_t s = 0; s < kPipelineStages - 1; ++s) {
    if (s < left) loader.load(shared + s * kStageBytes);
    ptx::commitCopies();
  }
  for (uint32_t stage = shared; left > 0; --left) {
    ptx::waitCopies<kPipelineStages - 2>();
    ptx::syncBlock();  // the stage has landed for all, and all have read the one before it, which is filled next
    const uint32_t before = stage == shared ? stage + (kPipelineStages - 1) * kStageBytes : stage - kStageBytes;
    if (left > kPipelineStages - 1) loader.load(before);
    ptx::commitCopies();
    if (part.groups == kWarpGroups) {
      multiplyStage<true, E>(acc, stage + weightPlace, stage + tokenPlace, weightChunk, tokenChunk, kWarpGroups);
    } else if (part.groups > 0) {
      multiplyStage<false, E>(acc, stage + weightPlace, stage + tokenPlace, weightChunk, tokenChunk, part.groups);
    }
    stage = stage == shared + (kPipelineStages - 1) * kStageBytes ? shared : stage + kStageBytes;
  }
  ptx::waitCopies<0>();
  ptx::syncBlock();
}

/// Tokens of the finished tile lie this far apart in shared memory: one line plus 16 bytes, which spreads both the
/// transposing stores and the row reads over all banks.
inline constexpr uint32_t kEpilogueStride = kTileCols * 2 + 16;
static_assert(kTileRows * kEpilogueStride <= kPipelineBytes);

/// Shared address of a lane's part of the transposing store: 16 columns from `column` of the warp's first 16 tokens.
KT_DEVICE uint32_t transposeAddress(uint32_t shared, uint32_t column, const WarpPart& part) {
  const uint32_t lane = ptx::lane();
  return shared + (column + lane / 8 % 2 * 8) * 2 +
         (part.firstGroup * kGroupTokens + lane / 16 * 8 + lane % 8) * kEpilogueStride;
}

/// Bias of weight row `row` of the tile.
KT_DEVICE float biasOf(const TileOutput& to, uint32_t row) { return to.bias != nullptr ? to.bias[row] : 0.0f; }

/// Adds bias, applies the activation, rounds to the nearest element and transposes into shared memory, [token][column].
template <class E>
KT_DEVICE void finishTile(TileAccumulators& acc, const WarpPart& part, const TileOutput& to, uint32_t shared) {
#pragma unroll
  for (uint32_t i = 0; i < 2; ++i) {
    const uint32_t column = part.column + i * 16;
    const float low = biasOf(to, column + ptx::lane() / 4);
    const float high = biasOf(to, column + ptx::lane() / 4 + 8);
    const uint32_t address = transposeAddress(shared, column, part);
#pragma unroll
    for (uint32_t j = 0; j < kWarpGroups; ++j) {
      if (j >= part.groups) break;
      uint32_t f[4];
#pragma unroll
      for (uint32_t h = 0; h < 2; ++h) {
        float(&d)[4] = acc[i][2 * j + h];
        float x[4] = {d[0] + low, d[1] + low, d[2] + high, d[3] + high};
        activateAll(to.activation, x);
        f[2 * h] = E::pack(x[0], x[1]);
        f[2 * h + 1] = E::pack(x[2], x[3]);
      }
      ptx::storeMatrix4Transposed(address + j * kGroupTokens * kEpilogueStride, f[0], f[1], f[2], f[3]);
    }
  }
}

/// The same for a gated activation: elements 0, 1 of a fragment are gates, 2, 3 their ups, so a warp's 32 rows make 16 columns.
template <class E, Activation A>
KT_DEVICE void finishGatedTile(TileAccumulators& acc, const WarpPart& part, const TileOutput& to, uint32_t shared) {
  float gate[2];
  float up[2];
#pragma unroll
  for (uint32_t i = 0; i < 2; ++i) {
    gate[i] = biasOf(to, part.column + i * 16 + ptx::lane() / 4);
    up[i] = biasOf(to, part.column + i * 16 + ptx::lane() / 4 + 8);
  }
  const uint32_t address = transposeAddress(shared, part.column / 2, part);
#pragma unroll
  for (uint32_t j = 0; j < kWarpGroups; ++j) {
    if (j >= part.groups) break;
    uint32_t f[4];
#pragma unroll
    for (uint32_t m = 0; m < 4; ++m) {
      const uint32_t i = m % 2;
      float(&d)[4] = acc[i][2 * j + m / 2];
      f[m] = E::pack(activateGated<A>(d[0] + gate[i], d[2] + up[i]), activateGated<A>(d[1] + gate[i], d[3] + up[i]));
    }
    ptx::storeMatrix4Transposed(address + j * kGroupTokens * kEpilogueStride, f[0], f[1], f[2], f[3]);
  }
}

/// Copies the finished tile out, 16 bytes a thread, rows of this tile only. On return the stores are issued and the
/// shared memory may be reused.
KT_DEVICE void storeTile(const TileOperands& t, const TileOutput& to, const char* shared) {
  const uint32_t chunks = (isGated(to.activation) ? t.columns / 2 : t.columns) / 8;
  for (uint32_t i = ptx::thread(); i < t.rows * chunks; i += MmaBlock::kThreads) {
    const uint32_t row = i / chunks;
    const uint32_t chunk = i % chunks;
    ptx::storeChunk(to.out + static_cast<uint64_t>(row) * to.stride + chunk * 8,
                    ptx::loadChunk(shared + row * kEpilogueStride + chunk * 16));
  }
  ptx::syncBlock();
}

/// One task's tile: columns must be 64 or 128. All threads of an MmaBlock.
template <class E>
KT_DEVICE void gemmTile(const TileOperands& t, const TileOutput& to, char* shared) {
  const WarpPart part = warpPart(t);
  TileAccumulators acc;
  accumulateTile<E>(t, ptx::sharedAddress(shared), part, acc);
  const uint32_t address = ptx::sharedAddress(shared);
  if (part.groups > 0) {
    if (to.activation == Activation::Swiglu) finishGatedTile<E, Activation::Swiglu>(acc, part, to, address);
    else if (to.activation == Activation::Geglu) finishGatedTile<E, Activation::Geglu>(acc, part, to, address);
    else finishTile<E>(acc, part, to, address);
  }
  ptx::syncBlock();
  storeTile(t, to, shared);
}

}  // namespace kerneltwin
