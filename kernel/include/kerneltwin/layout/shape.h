// The sizes of one expert-parallel world. The same value on every rank; every other layout function takes it.
#pragma once

#include <cstdint>

#include "kerneltwin/layout/host_device.h"

namespace kerneltwin {

/// Rows of a row block are split evenly in steps of this many tokens: the granularity of the N axis of wgmma.
inline constexpr uint32_t kRowStep = 8;

/// Runtime shape of a world. Plain data: passed by value to the kernel and mirrored by TypeScript.
struct Shape {
  uint32_t ranks;         ///< P, ranks of the expert-parallel world
  uint32_t experts;       ///< E, experts of the layer over all ranks
  uint32_t slots;         ///< most local experts any rank holds; stride of the expert axis of the heap
  uint32_t tokens;        ///< S, most tokens any rank holds
  uint32_t hidden;        ///< H, elements of a token row; multiple of 64
  uint32_t intermediate;  ///< I, elements of an intermediate row; multiple of 64
  uint32_t topK;          ///< k, experts chosen per token, 1 to 8
  uint32_t capacity;      ///< C, rows of a cell, a multiple of tileRows
  uint32_t tileRows;      ///< most tokens of a row block; multiple of kRowStep
  uint32_t tileCols;      ///< weight rows of a GEMM tile, columns of a COMBINE tile; multiple of 64
  uint32_t gated = 0;     ///< 1: W1 has a gate row and an up row for each of the I columns; see w1Rows
};

KT_HD uint32_t ceilDiv(uint32_t a, uint32_t b) { return (a + b - 1) / b; }
KT_HD uint32_t roundUp(uint32_t a, uint32_t b) { return ceilDiv(a, b) * b; }

/// Rows of an expert's W1: I, or 2I where they are gated. Gated rows lie in groups of 16: eight gate rows, then the up rows of
/// the same eight columns, so that the thread which holds a gate's sum (row r of an instruction's 16) holds its up's (r + 8).
KT_HD uint32_t w1Rows(const Shape& s) { return s.intermediate << s.gated; }

/// Column tiles of GEMM0 (over the rows of W1: a gated tile makes half as many columns) and of GEMM1 and COMBINE (over H). The
/// last tile may be narrower.
KT_HD uint32_t gemm0Cols(const Shape& s) { return ceilDiv(w1Rows(s), s.tileCols); }
KT_HD uint32_t gemm1Cols(const Shape& s) { return ceilDiv(s.hidden, s.tileCols); }

/// Row blocks of a full cell: the stride of the row-block axis.
KT_HD uint32_t cellRowBlocks(const Shape& s) { return s.capacity / s.tileRows; }

/// Row blocks of a cell that holds `rows` tokens.
KT_HD uint32_t rowBlocks(const Shape& s, uint32_t rows) { return ceilDiv(rows, s.tileRows); }

/// First row and number of rows of a row block.
struct RowSpan {
  uint32_t begin;
  uint32_t count;
};

/// Rows of block `block` of a cell with `rows` tokens, split evenly in steps of kRowStep so that no block is
/// mostly padding: 257 rows in tiles of 256 become 136 + 121, not 256 + 1.
KT_HD RowSpan rowSpan(const Shape& s, uint32_t rows, uint32_t block) {
  const uint32_t blocks = rowBlocks(s, rows);
  if (blocks == 0) return {0, 0};
  const uint32_t per = roundUp(ceilDiv(rows, blocks), kRowStep);
  const uint32_t begin = block * per;
  if (begin >= rows) return {rows, 0};
  const uint32_t left = rows - begin;
  return {begin, left < per ? left : per};
}

/// Width in columns of tile `col` of a matrix with `width` columns.
KT_HD uint32_t tileWidth(const Shape& s, uint32_t width, uint32_t col) {
  const uint32_t left = width - col * s.tileCols;
  return left < s.tileCols ? left : s.tileCols;
}

}  // namespace kerneltwin
