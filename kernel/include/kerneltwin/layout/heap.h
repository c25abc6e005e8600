// The symmetric tensor layout L[P][R][B][E][C][H] and the flag array: where every one-sided write lands.
//
// A cell is (source rank, round, stage, expert slot): C rows of H elements. In the dispatch round a cell is
// row-major, so that GEMM0 loads rows with TMA. In the combine round it is column-tile-major, so that one GEMM1 tile
// is one contiguous run and one put.
#pragma once

#include "kerneltwin/layout/shape.h"

namespace kerneltwin {

enum class Round : uint32_t { Dispatch = 0, Combine = 1 };
inline constexpr uint32_t kRounds = 2;

/// Outgoing is the sender's own staging buffer (used by the put transport); Incoming is what peers write.
enum class Stage : uint32_t { Outgoing = 0, Incoming = 1 };
inline constexpr uint32_t kStages = 2;

/// Linear index of a cell. `source` is the writing rank for Incoming and the destination rank for Outgoing.
/// In the dispatch round `slot` is the expert's slot on the rank that owns the heap; in the combine round the heap
/// belongs to the token's home rank, `source` is the expert's owner and `slot` the expert's slot there.
KT_HD uint64_t cellIndex(const Shape& s, uint32_t source, Round round, Stage stage, uint32_t slot) {
  return ((static_cast<uint64_t>(source) * kRounds + static_cast<uint32_t>(round)) * kStages +
          static_cast<uint32_t>(stage)) * s.slots + slot;
}

KT_HD uint64_t heapCells(const Shape& s) {
  return static_cast<uint64_t>(s.ranks) * kRounds * kStages * s.slots;
}

/// Row index over the whole heap; trace records name rows by it. Must stay under 2^32 (checked on the host).
KT_HD uint64_t heapRow(const Shape& s, uint64_t cell, uint32_t row) { return cell * s.capacity + row; }

KT_HD uint64_t heapRows(const Shape& s) { return heapCells(s) * s.capacity; }

/// Element offset of (row, h) in the dispatch round.
KT_HD uint64_t dispatchOffset(const Shape& s, uint64_t cell, uint32_t row, uint32_t h) {
  return heapRow(s, cell, row) * s.hidden + h;
}

/// Element offset of (row, h) in the combine round: tiles of tileCols columns one after the other, each row-major.
KT_HD uint64_t combineOffset(const Shape& s, uint64_t cell, uint32_t row, uint32_t h) {
  const uint32_t col = h / s.tileCols;
  const uint32_t width = tileWidth(s, s.hidden, col);
  const uint64_t tile = static_cast<uint64_t>(col) * s.capacity * s.tileCols;
  return cell * s.capacity * s.hidden + tile + static_cast<uint64_t>(row) * width + (h - col * s.tileCols);
}

KT_HD uint64_t heapElements(const Shape& s) { return heapRows(s) * s.hidden; }

/// Row-major C1 = phi(A.W1 + b1), local to a rank: [source][slot][row][I].
KT_HD uint64_t intermediateOffset(const Shape& s, uint32_t source, uint32_t slot, uint32_t row, uint32_t i) {
  return ((static_cast<uint64_t>(source) * s.slots + slot) * s.capacity + row) * s.intermediate + i;
}

KT_HD uint64_t intermediateElements(const Shape& s) {
  return static_cast<uint64_t>(s.ranks) * s.slots * s.capacity * s.intermediate;
}

/// One flag per dispatch cell, then one per (expert, row block, column tile) of the tokens sent away.
KT_HD uint32_t dispatchFlag(const Shape& s, uint32_t source, uint32_t slot) { return source * s.slots + slot; }

KT_HD uint32_t dispatchFlags(const Shape& s) { return s.ranks * s.slots; }

KT_HD uint32_t combineFlag(const Shape& s, uint32_t expert, uint32_t block, uint32_t col) {
  return dispatchFlags(s) + (expert * cellRowBlocks(s) + block) * gemm1Cols(s) + col;
}

KT_HD uint64_t flagCount(const Shape& s) {
  return dispatchFlags(s) + static_cast<uint64_t>(s.experts) * cellRowBlocks(s) * gemm1Cols(s);
}

}  // namespace kerneltwin
