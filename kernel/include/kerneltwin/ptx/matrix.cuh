// Warp-level matrix instructions: 8x8 fragments of 16-bit elements to and from shared memory, and the 16x8x16 product.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// Loads four 8x8 fragments; lane l gives the address of row l % 8 of fragment l / 8.
KT_DEVICE void loadMatrix4(uint32_t (&f)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(address)
               : "memory");
}

/// Stores four 8x8 fragments, each transposed; addresses as in loadMatrix4.
KT_DEVICE void storeMatrix4Transposed(uint32_t address, uint32_t f0, uint32_t f1, uint32_t f2,
                                                       uint32_t f3) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(f0),
               "r"(f1), "r"(f2), "r"(f3)
               : "memory");
}

/// The same of the first two of them; lanes 0 to 15 give the addresses.
KT_DEVICE void storeMatrix2Transposed(uint32_t address, uint32_t f0, uint32_t f1) {
  asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};" ::"r"(address), "r"(f0), "r"(f1) : "memory");
}

/// d += a . b with a 16x16 (row-major), b 16x8 (column-major), d 16x8 in fp32; a and b of fp16 (`Half`) or bf16.
template <bool Half>
KT_DEVICE void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#define KT_MMA(types)                                                                                                \
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." types ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "   \
               "{%0, %1, %2, %3};"                                                                                   \
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                      \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
  if constexpr (Half) KT_MMA("f16.f16");
  else KT_MMA("bf16.bf16");
#undef KT_MMA
}

}  // namespace kerneltwin::ptx
