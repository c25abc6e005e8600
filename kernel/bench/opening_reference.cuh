// What the opening must have done: router logits in fp64, and comparisons of whole rows.
#pragma once

#include "gemm_tile_reference.cuh"
#include "kerneltwin/layout/heap.h"

namespace kerneltwin::bench {

/// Logits of a token a block, [token][expert]; 256 threads.
__global__ void routerLogits(const bf16* x, const bf16* wg, uint32_t hidden, uint32_t experts, double* logits) {
  const uint32_t warp = threadIdx.x / 32;
  const uint32_t lane = threadIdx.x % 32;
  const bf16* row = x + static_cast<uint64_t>(blockIdx.x) * hidden;
  for (uint32_t e = warp; e < experts; e += blockDim.x / 32) {
    const bf16* weights = wg + static_cast<uint64_t>(e) * hidden;
    double sum = 0;
    for (uint32_t h = lane; h < hidden; h += 32) sum += static_cast<double>(toFloat(row[h])) * toFloat(weights[h]);
    for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    if (lane == 0) logits[static_cast<uint64_t>(blockIdx.x) * experts + e] = sum;
  }
}

/// Rows of the incoming dispatch cells of rank 0 against the tokens they hold; a row a block. `tokens`: [expert][capacity],
/// the token of a row, or 0xffffffff where the row must still be poison.
__global__ void judgeRows(Shape s, const bf16* x, const bf16* heap, const uint32_t* tokens, unsigned long long* wrong) {
  const uint32_t expert = blockIdx.y;
  const uint64_t cell = cellIndex(s, 0, Round::Dispatch, Stage::Incoming, expert);
  for (uint32_t r = blockIdx.x; r < s.capacity; r += gridDim.x) {
    const uint32_t token = tokens[static_cast<uint64_t>(expert) * s.capacity + r];
    const bf16* got = heap + dispatchOffset(s, cell, r, 0);
    uint32_t bad = 0;
    for (uint32_t h = threadIdx.x; h < s.hidden; h += blockDim.x) {
      const uint16_t want = token == 0xffffffffu ? 0xffff : x[static_cast<uint64_t>(token) * s.hidden + h].bits;
      bad += got[h].bits != want;
    }
    if (bad != 0) atomicAdd(wrong, bad);
  }
}

}  // namespace kerneltwin::bench
