// What a GEMM tile is, whatever computes it: D[token][column] = phi(sum_k weights[column][k] * tokens[token][k] + bias). With a
// gated activation two sums, of rows r and r + 8 of each 16, make one column: the tile then stores half as many.
//
// Weights are the M operand and tokens the N operand, both K-major, so that the number of tokens can be any count in
// steps of 8 without padding the tensor work to 128.
//
// An implementation is a header beside this one that offers, on all threads of a block,
//   gemmTile(const TileOperands&, const TileOutput&, char* shared)      a task
// The gate's sums, which stay fp32 and have no bias, are a GEMM of their own: logits_mma.cuh.
#pragma once

#include <cstdint>

#include "kerneltwin/gemm/activation.h"
#include "kerneltwin/gemm/bf16.h"

namespace kerneltwin {

inline constexpr uint32_t kTileCols = 128;  ///< most weight rows of a tile
inline constexpr uint32_t kTileRows = 128;  ///< most tokens of a tile
inline constexpr uint32_t kTileDepth = 64;  ///< K elements of a pipeline stage: one 128-byte line a row

KT_HD uint32_t lesser(uint32_t a, uint32_t b) { return a < b ? a : b; }

struct TileOperands {
  const bf16* weights;    ///< [columns][depth]
  const bf16* tokens;     ///< [rows][depth]
  uint32_t columns;       ///< weight rows, 1 to kTileCols; rows past it are neither read nor stored
  uint32_t rows;          ///< 1 to kTileRows
  uint32_t depth;         ///< K, a multiple of kTileDepth
};

/// Where a finished tile goes.
struct TileOutput {
  bf16* out;              ///< element (token 0, column 0); 16-byte aligned
  uint32_t stride;        ///< elements from token to token; a multiple of 8
  const float* bias;      ///< [columns], or null
  Activation activation;
};

}  // namespace kerneltwin
