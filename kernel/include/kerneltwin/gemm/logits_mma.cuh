// The gate's GEMM on mma.sync: fp32 logits of up to 128 tokens x 128 experts.
//
// A gate's tile is small and deep: 64 experts x 62 tokens x 2048 at S = 8192. So its time is that of the copies. Warps that the
// tile's width leaves over split the depth among them, in slices of 64 elements of K; their sums meet in shared memory and are
// added by whoever reads them, always in the same order.
//
// Two ways to bring the slices: a ring of boxes from the copy engine (logits_boxes.cuh), and, where there are no tensor maps,
// the pipeline of 16-byte copies here.
#pragma once

#include "kerneltwin/actors/control.cuh"
#include "kerneltwin/actors/opening_memory.h"
#include "kerneltwin/gemm/tile_mma.cuh"

namespace kerneltwin {

/// How eight warps divide tiles of up to `columns` x `rows`: the same for all tiles of a gate.
struct LogitGrid {
  uint32_t across;      ///< warps side by side, of 32 columns each: 1, 2 or 4
  uint32_t halves;      ///< warps that share the tokens: 1 or 2
  uint32_t depthParts;  ///< teams of such warps that share the slices: 1, 2, 4 or 8

  KT_DEVICE LogitGrid(uint32_t columns, uint32_t rows) {
    across = columns > 2 * kWarpColumns ? 4 : columns > kWarpColumns ? 2 : 1;
    halves = rows > kGroupTokens ? 2 : 1;
    depthParts = kTileWarps / (across * halves);
  }

  /// Lines of sums: four words more than the columns, so that neither writing nor reading them meets a bank twice.
  KT_DEVICE uint32_t stride() const { return across * kWarpColumns + 4; }
};

/// A warp's part of a tile of logits: 32 columns x up to four groups of tokens, every `depthParts`-th slice.
struct LogitPart {
  uint32_t column;
  uint32_t firstGroup;
  uint32_t groups;      ///< zero for a warp with nothing to compute
  uint32_t depthPart;
};

KT_DEVICE LogitPart logitPart(const LogitGrid& grid, uint32_t columns, uint32_t rows) {
  const uint32_t warp = ptx::warp();
  const uint32_t groups = (rows + kGroupTokens - 1) / kGroupTokens;
  const uint32_t first = (groups + grid.halves - 1) / grid.halves;
  LogitPart part;
  part.column = warp % grid.across * kWarpColumns;
  part.firstGroup = warp / grid.across % grid.halves * first;
  part.groups = part.firstGroup == 0 ? first : groups - first;
  part.depthPart = warp / (grid.across * grid.halves);
  if (part.column >= columns || warp >= kTileWarps) part.groups = 0;
  return part;
}

KT_DEVICE void clearLogits(TileAccumulators& acc) {
#pragma unroll
  for (uint32_t i = 0; i < 2; ++i)
#pragma unroll
    for (uint32_t j = 0; j < 2 * kWarpGroups; ++j)
#pragma unroll
      for (uint32_t c = 0; c < 4; ++c) acc[i][j][c] = 0.0f;
}

/// Where a warp reads a slice: `weightBytes` of the weights' lines, then the tokens'; chunks of 16 bytes XORed with their row.
struct SlicePlaces {
  uint32_t weights;
  uint32_t weightChunk;
  uint32_t tokens;
  uint32_t tokenChunk;

  KT_DEVICE SlicePlaces(const LogitPart& part, uint32_t weightBytes) {
    const uint32_t lane = ptx::lane();
    weights = (part.column + lane % 16) * 128;
    weightChunk = ((lane / 16) ^ (lane % 8)) * 16;
    tokens = weightBytes + (part.firstGroup * kGroupTokens + lane % 8 + lane / 16 * 8) * 128;
    tokenChunk = ((lane / 8 % 2) ^ (lane % 8)) * 16;
  }
};

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

/// Accumulates this warp's slices of the whole depth. All threads of the block; on return this thread's copies have landed and
/// its warp is done with the stages.
template <class Block>
KT_DEVICE void accumulateLogits(const TileOperands& t, uint32_t shared, const LogitGrid& grid, const LogitPart& part,
                                TileAccumulators& acc) {
  using Memory = OpeningMemory<Block>;
  const uint32_t steps = t.depth / kTileDepth;
  const uint32_t weightBytes = roundUp(t.columns, kWarpColumns) * 128;
  const uint32_t sliceBytes = weightBytes + roundUp(t.rows, kGroupTokens) * 128;
  const uint32_t slices = Memory::kStageBytes / sliceBytes;
  const uint32_t stageBytes = slices * sliceBytes;
  const SlicePlaces at(part, weightBytes);

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
      if (part.groups == 0 || ((step + u) & (grid.depthParts - 1)) != part.depthPart) continue;
      const uint32_t slice = stage + u * sliceBytes;
      multiplyStage<false, typename Block::Element>(acc, slice + at.weights, slice + at.tokens, at.weightChunk, at.tokenChunk,
                                                    part.groups);
    }
    stage = stage == shared + (Memory::kStages - 1) * stageBytes ? shared : stage + stageBytes;
  }
  ptx::waitCopies<0>();
}

/// The gate's feed where there are no tensor maps: all threads copy, all warps wait for each other at every stage.
template <class Block>
struct LogitCopies {
  static constexpr uint32_t kHelpers = Block::kThreads;  ///< threads that have time before the products: the first of the block

  KT_DEVICE void open(const LogitGrid&, uint32_t, uint32_t) const {}
  KT_DEVICE uint32_t begun() const { return 0; }
  KT_DEVICE void accumulate(const TileOperands& t, uint32_t, uint32_t, const LogitGrid& grid, const LogitPart& part,
                            TileAccumulators& acc) const {
    TileOperands& shared = control().tile;  // not registers: the mma.sync block has none to spare
    if (ptx::thread() == 0) shared = t;
    ptx::syncBlock();
    accumulateLogits<Block>(shared, ptx::sharedAddress(pipelineMemory()), grid, part, acc);
  }
  KT_DEVICE void close() const {}
};

/// The warps' sums of a tile, one part after the other: [part][token][stride].
struct LogitSums {
  uint32_t shared;      ///< shared address
  uint32_t parts;
  uint32_t stride;      ///< words from token to token
  uint32_t partWords;   ///< words from part to part

  KT_DEVICE LogitSums(uint32_t address, const LogitGrid& grid, uint32_t rows)
      : shared(address), parts(grid.depthParts), stride(grid.stride()), partWords(roundUp(rows, kGroupTokens) * stride) {}

  KT_DEVICE uint32_t at(uint32_t token, uint32_t column) const { return shared + (token * stride + column) * 4; }
};

/// Leaves a warp's sums for those who add the parts.
KT_DEVICE void storeLogits(const TileAccumulators& acc, const LogitPart& part, const LogitSums& sums) {
  const uint32_t lane = ptx::lane();
  uint32_t even = sums.at(part.firstGroup * kGroupTokens + lane % 4 * 2, part.column + lane / 4) +
                  part.depthPart * sums.partWords * 4;
  uint32_t odd = even + sums.stride * 4;  // the next token
#pragma unroll
  for (uint32_t j = 0; j < 2 * kWarpGroups; ++j) {
    if (j / 2 >= part.groups) break;
#pragma unroll
    for (uint32_t i = 0; i < 2; ++i)
#pragma unroll
      for (uint32_t c = 0; c < 4; ++c) {
        ptx::storeShared((c % 2 == 0 ? even : odd) + (i * 16 + c / 2 * 8) * 4, acc[i][j][c]);
      }
    even += 8 * sums.stride * 4;
    odd += 8 * sums.stride * 4;
  }
}

}  // namespace kerneltwin
