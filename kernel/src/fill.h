// Fills device memory with fillValue streams, and with the poison pattern.
#pragma once

#include <cstdint>

#include "fill_value.h"
#include "memory.h"

namespace kerneltwin {

/// bf16 bit pattern that no computation makes: a NaN with a payload. Both bytes are equal, so that a memset writes it.
inline constexpr uint16_t kPoison = 0xffff;

/// Owner o of `owners` has `count` elements; its stream is that of (key.tensor, key.owner + o).
void fillBf16(bf16* to, uint64_t count, uint32_t owners, FillKey key, float amplitude, cudaStream_t stream);
void fillFloat(float* to, uint64_t count, uint32_t owners, FillKey key, float amplitude, cudaStream_t stream);

}  // namespace kerneltwin
