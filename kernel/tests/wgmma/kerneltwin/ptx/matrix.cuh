// Stands in for the kernel's header of the same name; see machine.h.
#pragma once

#include <cstring>
#include <stdexcept>

#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin::ptx {

/// Lane l names the address of row l % 8 of matrix l / 8. Fragment m's element (i, j) is in lane 4 * i + j / 2, half j % 2 of
/// its register m; transposed, it goes to row j, element i.
template <uint32_t N>
void storeTransposed(uint32_t address, const uint32_t (&f)[N]) {
  emulator::Block& block = emulator::Block::current();
  if (address % 16 != 0) throw std::runtime_error("stmatrix row not aligned");
  const uint32_t self = lane();
  block.fiber().exchange = address;
  syncWarp();
  for (uint32_t m = 0; m < N; ++m) {
    for (uint32_t half = 0; half < 2; ++half) {
      const uint32_t owner = warp() * 32 + m * 8 + self % 4 * 2 + half;
      const uint32_t row = static_cast<uint32_t>(block.fiber(owner).exchange);
      const uint16_t value = static_cast<uint16_t>(f[m] >> (16 * half));
      std::memcpy(block.shared() + row + self / 4 * 2, &value, 2);
    }
  }
  syncWarp();
}

inline void storeMatrix4Transposed(uint32_t address, uint32_t f0, uint32_t f1, uint32_t f2, uint32_t f3) {
  storeTransposed<4>(address, {f0, f1, f2, f3});
}

inline void storeMatrix2Transposed(uint32_t address, uint32_t f0, uint32_t f1) { storeTransposed<2>(address, {f0, f1}); }

}  // namespace kerneltwin::ptx
