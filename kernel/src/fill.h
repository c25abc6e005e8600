// Fills device memory with fillValue streams, and with the poison pattern.
#pragma once

#include <cstdint>

#include "fill_value.h"
#include "kerneltwin/gemm/element.h"
#include "memory.h"

namespace kerneltwin {

/// Bit pattern of a bf16 or fp16 that no computation makes: a NaN with a payload. Both bytes are equal, so that a memset writes it.
inline constexpr uint16_t kPoison = 0xffff;

/// Owner o of `owners` has `count` elements; its stream is that of (key.tensor, key.owner + o).
void fillElements(bf16* to, Dtype dtype, uint64_t count, uint32_t owners, FillKey key, float amplitude, cudaStream_t stream);
void fillFloat(float* to, uint64_t count, uint32_t owners, FillKey key, float amplitude, cudaStream_t stream);

}  // namespace kerneltwin
