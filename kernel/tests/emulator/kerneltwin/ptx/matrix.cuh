// The emulator's stand-in for kerneltwin/ptx/matrix.cuh: fragments as the PTX manual lays them out.
#pragma once

#include <type_traits>

#include "kerneltwin/gemm/element.h"
#include "kerneltwin/ptx/vector.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin::ptx {

inline void loadMatrix4(uint32_t (&f)[4], uint32_t address) {
  checkAligned(machine().block().shared + address);
  machine().show(slotOf(address));
  for (uint32_t q = 0; q < 4; ++q) {
    const uint32_t row = valueOf<uint32_t>(machine().slot(8 * q + lane() / 4));
    std::memcpy(&f[q], machine().block().shared + row + lane() % 4 * 4, 4);
  }
}

template <uint32_t N>
void storeTransposed(uint32_t address, const uint32_t (&f)[N]) {
  if (lane() < 8 * N) checkAligned(machine().block().shared + address);
  machine().show(slotOf(address));
  for (uint32_t q = 0; q < N; ++q) {
    for (uint32_t i = 0; i < 2; ++i) {
      const uint32_t row = valueOf<uint32_t>(machine().slot(8 * q + lane() % 4 * 2 + i));
      const uint16_t bits = static_cast<uint16_t>(f[q] >> (16 * i));
      std::memcpy(machine().block().shared + row + lane() / 4 * 2, &bits, 2);
    }
  }
}

inline void storeMatrix4Transposed(uint32_t address, uint32_t f0, uint32_t f1, uint32_t f2, uint32_t f3) {
  storeTransposed<4>(address, {f0, f1, f2, f3});
}

inline void storeMatrix2Transposed(uint32_t address, uint32_t f0, uint32_t f1) { storeTransposed<2>(address, {f0, f1}); }

template <bool Half>
void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  using Element = std::conditional_t<Half, Fp16Element, Bf16Element>;
  struct Shown {
    uint32_t a[4];
    uint32_t b[2];
  };
  machine().show(slotOf(Shown{{a[0], a[1], a[2], a[3]}, {b0, b1}}));
  const auto element = [](const uint32_t word, uint32_t k) { return k % 2 == 0 ? Element::low(word) : Element::high(word); };
  for (uint32_t c = 0; c < 4; ++c) {
    const uint32_t half = c / 2;                      // rows lane / 4 and lane / 4 + 8
    const uint32_t column = lane() % 4 * 2 + c % 2;
    double sum = d[c];
    for (uint32_t k = 0; k < 16; ++k) {
      const Shown left = valueOf<Shown>(machine().slot(lane() / 4 * 4 + k % 8 / 2));
      const Shown right = valueOf<Shown>(machine().slot(column * 4 + k % 8 / 2));
      sum += static_cast<double>(element(left.a[half + k / 8 * 2], k)) * element(right.b[k / 8], k);
    }
    d[c] = static_cast<float>(sum);
  }
}

}  // namespace kerneltwin::ptx
