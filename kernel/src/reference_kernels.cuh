// Plain fp64 kernels of the reference. Speed does not matter beyond seconds; obviousness does.
#pragma once

#include <cmath>
#include <cstdint>

#include "kerneltwin/gemm/activation.h"
#include "kerneltwin/gemm/element.h"

namespace kerneltwin::reference {

/// logits[token][expert] in fp64; a block per token, a warp per expert.
__global__ void routerLogits(const bf16* x, const bf16* wg, Dtype dtype, double* logits, uint32_t experts, uint32_t hidden) {
  const bf16* row = x + static_cast<uint64_t>(blockIdx.x) * hidden;
  const uint32_t lane = threadIdx.x % 32;
  for (uint32_t e = threadIdx.x / 32; e < experts; e += blockDim.x / 32) {
    double sum = 0.0;
    for (uint32_t h = lane; h < hidden; h += 32) {
      sum += static_cast<double>(elementToFloat(row[h], dtype)) * elementToFloat(wg[static_cast<uint64_t>(e) * hidden + h], dtype);
    }
    for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
    if (lane == 0) logits[static_cast<uint64_t>(blockIdx.x) * experts + e] = sum;
  }
}

struct RoutingVerdict {
  uint32_t mismatches;
  uint32_t nearTies;
  uint32_t scaleMismatches;
};

/// How far two fp64 logits may lie apart for fp32 to order them either way: fp32 sums of up to 8192 products of order one.
__device__ inline double tieTolerance(double a, double b) { return 1e-4 * (1.0 + fmax(fabs(a), fabs(b))); }

/// Judges one token's choices and scales (a thread per token), and leaves the fp64 scales of the choices that were made.
__global__ void judgeRouting(const double* logits, const uint32_t* choices, const float* scales, double* trueScales,
                             RoutingVerdict* verdicts, uint32_t tokens, uint32_t experts, uint32_t topK, bool given,
                             bool renormalise) {
  const uint32_t token = blockIdx.x * blockDim.x + threadIdx.x;
  if (token >= tokens) return;
  const double* row = logits + static_cast<uint64_t>(token) * experts;
  const uint64_t first = static_cast<uint64_t>(token) * topK;
  RoutingVerdict verdict = {0, 0, 0};
  double best = row[0];
  for (uint32_t e = 1; e < experts; ++e) best = fmax(best, row[e]);
  double all = 0.0;
  for (uint32_t e = 0; e < experts; ++e) all += exp(row[e] - best);
  double chosen = 0.0;
  uint32_t right[8];
  for (uint32_t j = 0; j < topK; ++j) {
    // The j-th best: largest logit, lower expert first, not among those before.
    uint32_t next = experts;
    for (uint32_t e = 0; e < experts; ++e) {
      bool taken = false;
      for (uint32_t i = 0; i < j; ++i) taken |= right[i] == e;
      if (!taken && (next == experts || row[e] > row[next])) next = e;
    }
    right[j] = next;
    const uint32_t choice = choices[first + j];
    bool legal = choice < experts;
    for (uint32_t i = 0; i < j; ++i) legal &= choices[first + i] != choice;
    if (!legal) {
      ++verdict.mismatches;
      trueScales[first + j] = 0.0;
      continue;
    }
    chosen += exp(row[choice] - best);
    if (given || choice == next) continue;
    if (fabs(row[choice] - row[next]) <= tieTolerance(row[choice], row[next])) ++verdict.nearTies;
    else ++verdict.mismatches;
  }
  for (uint32_t j = 0; j < topK; ++j) {
    const uint32_t choice = choices[first + j];
    if (choice >= experts) continue;
    const double scale = exp(row[choice] - best) / (renormalise ? chosen : all);
    trueScales[first + j] = scale;
    if (!(fabs(scales[first + j] - scale) <= 1e-4)) ++verdict.scaleMismatches;
  }
  verdicts[token] = verdict;
}

__device__ inline double activateExactly(Activation a, double x) {
  switch (a) {
    case Activation::Relu: return x > 0.0 ? x : 0.0;
    case Activation::Gelu: return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440));
    case Activation::Silu: return x / (1.0 + exp(-x));
    default: return x;
  }
}

inline constexpr uint32_t kSide = 64;   ///< side of a block's tile of results; 16 x 16 threads, 4 x 4 results each
inline constexpr uint32_t kDeep = 16;

/// Rows of A by index: row r of the product is row rowOf[r] of `a` (or r itself when null).
template <class T>
struct Rows {
  const T* data;
  const uint32_t* rowOf;
  uint32_t depth;
  Dtype dtype;

  __device__ double at(uint32_t r, uint32_t k) const {
    const uint64_t row = rowOf != nullptr ? rowOf[r] : r;
    return value(data[row * depth + k], dtype);
  }
  __device__ static double value(bf16 x, Dtype dtype) { return elementToFloat(x, dtype); }
  __device__ static double value(double x, Dtype) { return x; }
};

/// to(r, c, sum over k of a(r, k) * w[c][k]) for r < rows, c < columns; w is K-major. `depth` is a multiple of kDeep.
template <class A, class Store>
__global__ void multiply(A a, const bf16* w, uint32_t rows, uint32_t columns, Store to) {
  __shared__ double left[kDeep][kSide + 1];
  __shared__ double right[kDeep][kSide + 1];
  const uint32_t r0 = blockIdx.y * kSide;
  const uint32_t c0 = blockIdx.x * kSide;
  const uint32_t tx = threadIdx.x % 16;
  const uint32_t ty = threadIdx.x / 16;
  double sum[4][4] = {};
  for (uint32_t k0 = 0; k0 < a.depth; k0 += kDeep) {
    for (uint32_t i = threadIdx.x; i < kSide * kDeep; i += 256) {
      const uint32_t k = i % kDeep;
      const uint32_t at = i / kDeep;
      left[k][at] = r0 + at < rows ? a.at(r0 + at, k0 + k) : 0.0;
      right[k][at] = c0 + at < columns ? elementToFloat(w[static_cast<uint64_t>(c0 + at) * a.depth + k0 + k], a.dtype) : 0.0;
    }
    __syncthreads();
    for (uint32_t k = 0; k < kDeep; ++k) {
      for (uint32_t i = 0; i < 4; ++i)
        for (uint32_t j = 0; j < 4; ++j) sum[i][j] += left[k][ty + 16 * i] * right[k][tx + 16 * j];
    }
    __syncthreads();
  }
  for (uint32_t i = 0; i < 4; ++i) {
    for (uint32_t j = 0; j < 4; ++j) {
      const uint32_t r = r0 + ty + 16 * i;
      const uint32_t c = c0 + tx + 16 * j;
      if (r < rows && c < columns) to(r, c, sum[i][j]);
    }
  }
}

/// GEMM0's store: sum and bias, kept in fp64.
struct StoreBiased {
  double* to;
  const float* bias;
  uint32_t columns;

  __device__ void operator()(uint32_t r, uint32_t c, double sum) const {
    to[static_cast<uint64_t>(r) * columns + c] = bias != nullptr ? sum + bias[c] : sum;
  }
};

/// inner[row][i] from the sums of W1's rows: as many as columns, or with a gated activation a gate's and an up's for each, in
/// groups of sixteen rows, the first eight of them gates.
__global__ void activateRows(const double* sums, double* inner, uint32_t rows, uint32_t columns, Activation activation) {
  const uint64_t at = static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= static_cast<uint64_t>(rows) * columns) return;
  const uint64_t row = at / columns;
  const uint32_t i = static_cast<uint32_t>(at % columns);
  if (isGated(activation)) {
    const double* of = sums + row * columns * 2 + i / 8 * 16;
    const Activation gate = activation == Activation::Swiglu ? Activation::Silu : Activation::Gelu;
    inner[at] = activateExactly(gate, of[i % 8]) * of[8 + i % 8];
  } else {
    inner[at] = activateExactly(activation, sums[at]);
  }
}

/// GEMM1's store: bias, scaled, added to the token's output. A token has an expert at most once: no two threads meet.
struct AddScaled {
  double* out;
  const float* bias;
  const double* scales;
  const uint32_t* entryOf;   ///< [row] token * topK + choice
  uint32_t topK;
  uint32_t columns;

  __device__ void operator()(uint32_t r, uint32_t c, double sum) const {
    if (bias != nullptr) sum += bias[c];
    const uint32_t entry = entryOf[r];
    out[static_cast<uint64_t>(entry / topK) * columns + c] += scales[entry] * sum;
  }
};

struct TokenVerdict {
  double difference;   ///< sum of squares
  double norm;         ///< sum of squares of the reference
  double worst;
  uint32_t worstColumn;
  uint32_t unwritten;
  uint32_t notFinite;
  uint32_t reserved;
};

/// Compares one token's output (a block of one warp per token).
__global__ void judgeOutput(const bf16* out, Dtype dtype, const double* reference, TokenVerdict* verdicts, uint32_t hidden,
                            uint16_t poison) {
  const uint64_t row = static_cast<uint64_t>(blockIdx.x) * hidden;
  TokenVerdict v = {};
  v.worst = -1.0;
  for (uint32_t h = threadIdx.x; h < hidden; h += 32) {
    const bf16 element = out[row + h];
    const double got = elementToFloat(element, dtype);
    const double want = reference[row + h];
    v.norm += want * want;
    if (element.bits == poison) ++v.unwritten;
    if (!isfinite(got)) {
      ++v.notFinite;
      continue;
    }
    const double difference = fabs(got - want);
    v.difference += difference * difference;
    if (difference > v.worst) v.worst = difference, v.worstColumn = h;
  }
  for (int d = 16; d > 0; d /= 2) {
    v.difference += __shfl_xor_sync(0xffffffffu, v.difference, d);
    v.norm += __shfl_xor_sync(0xffffffffu, v.norm, d);
    v.unwritten += __shfl_xor_sync(0xffffffffu, v.unwritten, d);
    v.notFinite += __shfl_xor_sync(0xffffffffu, v.notFinite, d);
    const double worst = __shfl_xor_sync(0xffffffffu, v.worst, d);
    const uint32_t column = __shfl_xor_sync(0xffffffffu, v.worstColumn, d);
    if (worst > v.worst) v.worst = worst, v.worstColumn = column;
  }
  if (threadIdx.x == 0) verdicts[blockIdx.x] = v;
}

}  // namespace kerneltwin::reference
