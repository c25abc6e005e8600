// The gate's GEMM on mma.sync: fp32 logits of up to 128 tokens x 128 experts.
//
// A gate's tile is small and deep: 64 experts x 62 tokens x 2048 at S = 8192. So its time is that of the copies, and of the
// steps if there are many. Hence: a stage takes as many slices of 64 elements of K as fit (two there), which halves the block
// barriers; warps that the tile's width leaves over split the slices among them; and the pipeline has as many stages as the
// block's memory holds.
#pragma once

#include "kerneltwin/actors/opening_memory.h"
#include "kerneltwin/gemm/tile_mma.cuh"

namespace kerneltwin {

/// A warp's part of a tile of logits: 32 columns x up to four groups of tokens, every `depthParts`-th slice.
struct LogitPart {
  uint32_t column;
  uint32_t firstGroup;
  uint32_t groups;      ///< zero for a warp with nothing to compute
  uint32_t depthPart;
  uint32_t depthParts;  ///< a power of two, 1 to 8
};

KT_DEVICE LogitPart logitPart(const TileOperands& t) {
  const uint32_t warp = ptx::warp();
  const uint32_t across = t.columns > 2 * kWarpColumns ? 4 : t.columns > kWarpColumns ? 2 : 1;
  const uint32_t groups = (t.rows + kGroupTokens - 1) / kGroupTokens;
  const uint32_t halves = groups > 1 ? 2 : 1;
  const uint32_t first = (groups + halves - 1) / halves;
  LogitPart part;
  part.column = warp % across * kWarpColumns;
  part.firstGroup = warp / across % halves * first;
  part.groups = part.firstGroup == 0 ? first : groups - first;
  part.depthParts = kTileWarps / (across * halves);
  part.depthPart = warp / (across * halves);
  if (part.column >= t.columns || warp >= kTileWarps) part.groups = 0;
  return part;
}

/// Slices of 64 elements of K in shared memory: the weights' lines, then the tokens', as StageLoader of tile_mma.cuh lays them.
/// All threads of the block copy: one 16-byte chunk of every kRows-th line each.
template <class Block>
struct SliceLoader {
  static constexpr uint32_t kRows = Block::kThreads / 8;
  static constexpr uint32_t kPasses = (kTileRows + kRows - 1) / kRows;
  static_assert(kRows % 8 == 0, "a thread's lines have the same swizzle");

  const char* weights;
  const char* tokens;
  uint32_t passStride;   ///< bytes from a line's row to that of the thread's next line
  uint32_t place;
  uint32_t tokenPlace;
  uint32_t weightsLeft;  ///< rows from this thread's first to the end; zero when there is none
  uint32_t tokensLeft;

  /// `weightBytes`: where the tokens' lines begin in a slice.
  KT_DEVICE SliceLoader(const TileOperands& t, uint32_t weightBytes) {
    const uint32_t row = ptx::thread() / 8;
    const uint32_t chunk = ptx::thread() % 8;
    weights = reinterpret_cast<const char*>(t.weights) + row * t.depth * 2 + chunk * 16;
    tokens = reinterpret_cast<const char*>(t.tokens) + row * t.depth * 2 + chunk * 16;
    passStride = kRows * t.depth * 2;
    place = row * 128 + ((chunk ^ (row % 8)) * 16);
    tokenPlace = weightBytes + place;
    weightsLeft = t.columns > row ? t.columns - row : 0;
    tokensLeft = t.rows > row ? t.rows - row : 0;
  }

  /// Starts the copies of the next slice, to shared address `slice`.
  KT_DEVICE void load(uint32_t slice) {
#pragma unroll
    for (uint32_t i = 0; i < kPasses; ++i) {
      if (kRows * i < tokensLeft) ptx::copyAsync16(slice + tokenPlace + i * kRows * 128, tokens + i * passStride);
    }
#pragma unroll
    for (uint32_t i = 0; i < kPasses; ++i) {
      if (kRows * i < weightsLeft) ptx::copyAsync16(slice + place + i * kRows * 128, weights + i * passStride);
    }
    weights += kTileDepth * 2;
    tokens += kTileDepth * 2;
  }
};

/// Accumulates this warp's slices of the whole depth. All threads of the block; on return all copies have landed and all
/// threads are done with the stages.
template <class Block>
KT_DEVICE void accumulateLogits(const TileOperands& t, uint32_t shared, const LogitPart& part, TileAccumulators& acc) {
  using Memory = OpeningMemory<Block>;
#pragma unroll
  for (uint32_t i = 0; i < 2; ++i)
#pragma unroll
    for (uint32_t j = 0; j < 2 * kWarpGroups; ++j)
#pragma unroll
      for (uint32_t c = 0; c < 4; ++c) acc[i][j][c] = 0.0f;

  const uint32_t steps = t.depth / kTileDepth;
  const uint32_t weightBytes = roundUp(t.columns, kWarpColumns) * 128;
  const uint32_t sliceBytes = weightBytes + roundUp(t.rows, kGroupTokens) * 128;
  const uint32_t slices = Memory::kStageBytes / sliceBytes;
  const uint32_t stageBytes = slices * sliceBytes;

  const uint32_t lane = ptx::lane();
  const uint32_t weightPlace = (part.column + lane % 16) * 128;
  const uint32_t weightChunk = ((lane / 16) ^ (lane % 8)) * 16;
  const uint32_t tokenPlace = weightBytes + (part.firstGroup * kGroupTokens + lane % 8 + lane / 16 * 8) * 128;
  const uint32_t tokenChunk = ((lane / 8 % 2) ^ (lane % 8)) * 16;

  SliceLoader<Block> loader(t, weightBytes);
  uint32_t loaded = 0;
  const auto fill = [&](uint32_t stage) {
    for (uint32_t u = 0; u < slices && loaded < steps; ++u, ++loaded) loader.load(stage + u * sliceBytes);
    ptx::commitCopies();
  };
  for (uint32_t s = 0; s < Memory::kStages - 1; ++s) fill(shared + s * stageBytes);
  uint32_t stage = shared;
  for (uint32_t step = 0; step < steps; step += slices) {
    ptx::waitCopies<Memory::kStages - 2>();
    ptx::syncBlock();  // the stage has landed for all, and all have read the one before it, which is filled next
    fill(stage == shared ? stage + (Memory::kStages - 1) * stageBytes : stage - stageBytes);
    for (uint32_t u = 0; u < slices && step + u < steps; ++u) {
      if (part.groups == 0 || ((step + u) & (part.depthParts - 1)) != part.depthPart) continue;
      const uint32_t slice = stage + u * sliceBytes;
      multiplyStage<false, typename Block::Element>(acc, slice + weightPlace, slice + tokenPlace, weightChunk, tokenChunk, part.groups);
    }
    stage = stage == shared + (Memory::kStages - 1) * stageBytes ? shared : stage + stageBytes;
  }
  ptx::waitCopies<0>();
  ptx::syncBlock();
}

/// Tokens of finished logits lie this far apart.
inline constexpr uint32_t kLogitStride = kTileCols + 4;
static_assert(kTileRows * kLogitStride * 4 <= kPipelineBytes);

/// Sums the warps' parts into `logits`, [token][kLogitStride], always in the same order. All threads of the block.
KT_DEVICE void storeLogits(const TileAccumulators& acc, const LogitPart& part, float* logits) {
  const uint32_t lane = ptx::lane();
  for (uint32_t turn = 0; turn < part.depthParts; ++turn) {
    if (turn == part.depthPart) {
#pragma unroll
      for (uint32_t i = 0; i < 2; ++i)
#pragma unroll
        for (uint32_t j = 0; j < 2 * kWarpGroups; ++j) {
          if (j / 2 >= part.groups) break;
#pragma unroll
          for (uint32_t c = 0; c < 4; ++c) {
            const uint32_t token = part.firstGroup * kGroupTokens + j * 8 + lane % 4 * 2 + c % 2;
            const uint32_t column = part.column + i * 16 + lane / 4 + c / 2 * 8;
            float& logit = logits[token * kLogitStride + column];
            logit = turn == 0 ? acc[i][j][c] : logit + acc[i][j][c];
          }
        }
    }
    ptx::syncBlock();
  }
}

}  // namespace kerneltwin
