// Stands in for the kernel's header of the same name; see machine.h. A TensorMap holds a MatrixView here.
#pragma once

#include <cstring>
#include <stdexcept>

#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

struct MatrixView {
  const bf16* data;
  uint64_t rows;
  uint64_t columns;
  uint32_t boxRows;
};

inline void loadBox(uint32_t to, const TensorMap* map, uint32_t column, uint32_t row, uint32_t barrier, uint64_t) {
  emulator::Block& block = emulator::Block::current();
  MatrixView m;
  std::memcpy(&m, map, sizeof m);
  if (to % 1024 != 0) throw std::runtime_error("box not at a multiple of the swizzle");
  const uint32_t bytes = m.boxRows * kLineBytes;
  std::memset(block.shared() + to, 0xff, bytes);  // undefined from here on: NaN
  block.copyLater(barrier, bytes, [=, &block] {
    for (uint32_t r = 0; r < m.boxRows; ++r) {
      for (uint32_t c = 0; c < kStageDepth; ++c) {
        const bool inside = row + r < m.rows && column + c < m.columns;
        const bf16 x = inside ? m.data[(row + r) * m.columns + column + c] : bf16{0};
        std::memcpy(block.shared() + emulator::swizzleAddress(to + r * kLineBytes + c * 2), &x, 2);
      }
    }
  });
}

inline void fenceGlobalForCopies() {}
inline void fenceSharedForCopies() {}
inline uint64_t policyReadOnce() { return 0; }
inline uint64_t policyKeep() { return 0; }
inline uint64_t policyNormal() { return 0; }

}  // namespace kerneltwin::ptx
