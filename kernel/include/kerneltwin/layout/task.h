// A task is a 32-bit index. Everything a processor needs follows from it and from the cell's row count, so a doorbell
// carries the index alone and there is no descriptor to copy.
#pragma once

#include "kerneltwin/layout/heap.h"

namespace kerneltwin {

enum class Op : uint32_t { Gemm0 = 0, Gemm1 = 1, Combine = 2 };

/// A decoded task. For GEMM0 and GEMM1 `peer` is the source rank and `expert` the local slot; for COMBINE `expert`
/// is the global expert and `peer` is unused (zero).
struct Task {
  Op op;
  uint32_t peer;
  uint32_t expert;
  uint32_t block;
  uint32_t col;
};

/// Index bases of the three regions of a rank's task space.
KT_HD uint32_t gemm0Tasks(const Shape& s) { return s.slots * s.ranks * cellRowBlocks(s) * gemm0Cols(s); }
KT_HD uint32_t gemm1Tasks(const Shape& s) { return s.slots * s.ranks * cellRowBlocks(s) * gemm1Cols(s); }
KT_HD uint32_t combineTasks(const Shape& s) { return s.experts * cellRowBlocks(s) * gemm1Cols(s); }
KT_HD uint64_t taskSpace(const Shape& s) {
  const uint64_t blocks = static_cast<uint64_t>(s.slots) * s.ranks * cellRowBlocks(s);
  return blocks * (gemm0Cols(s) + gemm1Cols(s)) +
         static_cast<uint64_t>(s.experts) * cellRowBlocks(s) * gemm1Cols(s);
}

/// Row block over all cells of a rank, expert-major so that consecutive tasks share an expert's weights.
KT_HD uint32_t rowBlockIndex(const Shape& s, uint32_t slot, uint32_t source, uint32_t block) {
  return (slot * s.ranks + source) * cellRowBlocks(s) + block;
}

KT_HD uint32_t gemm0Task(const Shape& s, uint32_t slot, uint32_t source, uint32_t block, uint32_t col) {
  return rowBlockIndex(s, slot, source, block) * gemm0Cols(s) + col;
}

KT_HD uint32_t gemm1Task(const Shape& s, uint32_t slot, uint32_t source, uint32_t block, uint32_t col) {
  return gemm0Tasks(s) + rowBlockIndex(s, slot, source, block) * gemm1Cols(s) + col;
}

KT_HD uint32_t combineTask(const Shape& s, uint32_t expert, uint32_t block, uint32_t col) {
  return gemm0Tasks(s) + gemm1Tasks(s) + (expert * cellRowBlocks(s) + block) * gemm1Cols(s) + col;
}

KT_HD Task decodeTask(const Shape& s, uint32_t index) {
  const uint32_t blocks = cellRowBlocks(s);
  if (index < gemm0Tasks(s)) {
    const uint32_t rb = index / gemm0Cols(s);
    return {Op::Gemm0, rb / blocks % s.ranks, rb / blocks / s.ranks, rb % blocks, index % gemm0Cols(s)};
  }
  index -= gemm0Tasks(s);
  if (index < gemm1Tasks(s)) {
    const uint32_t rb = index / gemm1Cols(s);
    return {Op::Gemm1, rb / blocks % s.ranks, rb / blocks / s.ranks, rb % blocks, index % gemm1Cols(s)};
  }
  index -= gemm1Tasks(s);
  const uint32_t rb = index / gemm1Cols(s);
  return {Op::Combine, 0, rb / blocks, rb % blocks, index % gemm1Cols(s)};
}

}  // namespace kerneltwin
