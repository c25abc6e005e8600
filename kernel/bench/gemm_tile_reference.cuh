// Inputs and the judgement of outputs: plain kernels that share nothing with the pipeline but the layout.
#pragma once

#include "kerneltwin/gemm/activation.cuh"
#include "kerneltwin/gemm/bf16.h"
#include "kerneltwin/layout/task.h"

namespace kerneltwin::bench {

/// What comparing a phase's output with fp64 found.
struct Verdict {
  double squaredError;
  double squaredReference;
  double worst;                  ///< largest error in units of the tolerance; over 1 is wrong
  unsigned long long wrong;      ///< elements over the tolerance, or not finite
  unsigned long long strays;     ///< elements outside all tiles that were written
};

/// Half a unit of bf16 in the last place is |x| / 256; the rest is fp32 accumulation and approximate activations.
inline constexpr double kRelativeTolerance = 1.0 / 200;
inline constexpr double kAbsoluteTolerance = 2e-3;

__host__ __device__ inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// About normal with standard deviation `scale`: the sum of four uniform 16-bit numbers.
__host__ __device__ inline float noise(uint64_t seed, uint64_t i, float scale) {
  const uint64_t bits = mix(seed ^ mix(i));
  const int sum = static_cast<int>(bits & 0xffff) + static_cast<int>(bits >> 16 & 0xffff) +
                  static_cast<int>(bits >> 32 & 0xffff) + static_cast<int>(bits >> 48);
  return static_cast<float>(sum - 131070) * (scale / 37837.0f);  // 65536 * sqrt(4 / 12)
}

__global__ void fillNoise(bf16* to, uint64_t count, uint64_t seed, float scale) {
  for (uint64_t i = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x; i < count;
       i += static_cast<uint64_t>(gridDim.x) * blockDim.x) {
    to[i] = toBf16(noise(seed, i, scale));
  }
}

__global__ void fillNoiseFloat(float* to, uint64_t count, uint64_t seed, float scale) {
  for (uint64_t i = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x; i < count;
       i += static_cast<uint64_t>(gridDim.x) * blockDim.x) {
    to[i] = noise(seed, i, scale);
  }
}

/// Rows of the incoming dispatch cells; rows past a cell's count keep the poison they have.
__global__ void fillTokens(Shape s, bf16* heap, const uint32_t* rows, uint64_t seed) {
  const uint32_t expert = blockIdx.y;
  const uint64_t cell = cellIndex(s, 0, Round::Dispatch, Stage::Incoming, expert);
  for (uint32_t r = blockIdx.x; r < rows[expert]; r += gridDim.x) {
    for (uint32_t h = threadIdx.x; h < s.hidden; h += blockDim.x) {
      const uint64_t at = dispatchOffset(s, cell, r, h);
      heap[at] = toBf16(noise(seed, at, 1.0f));
    }
  }
}

__device__ inline double activateExactly(Activation a, double x) {
  switch (a) {
    case Activation::Relu: return x > 0 ? x : 0;
    case Activation::Gelu: return 0.5 * x * (1.0 + erf(x * 0.70710678118654752));
    case Activation::Silu: return x / (1.0 + exp(-x));
    default: return x;
  }
}

/// One GEMM of all experts: who reads what and where its result lies.
struct PhaseView {
  Shape shape;
  bool second;                ///< GEMM1
  const bf16* weights;
  const float* bias;
  const bf16* heap;
  const bf16* intermediate;
  Activation activation;

  __device__ uint32_t depth() const { return second ? shape.intermediate : shape.hidden; }
  __device__ uint32_t width() const { return second ? shape.hidden : shape.intermediate; }
  __device__ const bf16* input(uint32_t expert, uint32_t row) const {
    if (second) return intermediate + intermediateOffset(shape, 0, expert, row, 0);
    return heap + dispatchOffset(shape, cellIndex(shape, 0, Round::Dispatch, Stage::Incoming, expert), row, 0);
  }
  __device__ bf16 result(uint32_t expert, uint32_t row, uint32_t column) const {
    if (!second) return intermediate[intermediateOffset(shape, 0, expert, row, column)];
    return heap[combineOffset(shape, cellIndex(shape, 0, Round::Combine, Stage::Incoming, expert), row, column)];
  }
};

inline constexpr uint32_t kJudgeTile = 64;
inline constexpr uint32_t kJudgeDepth = 16;

/// Recomputes 64 x 64 results in fp64 and compares. Grid: columns / 64, capacity / 64 (rounded up), experts; 16 x 16 threads.
__global__ void judgePhase(PhaseView p, const uint32_t* rows, Verdict* verdict) {
  __shared__ float a[kJudgeDepth][kJudgeTile + 1];
  __shared__ float b[kJudgeDepth][kJudgeTile + 1];
  const uint32_t expert = blockIdx.z;
  const uint32_t row0 = blockIdx.y * kJudgeTile;
  const uint32_t column0 = blockIdx.x * kJudgeTile;
  const uint32_t count = rows[expert];
  const uint32_t depth = p.depth();
  const uint32_t thread = threadIdx.y * 16 + threadIdx.x;
  double sum[4][4] = {};
  if (row0 < count) {
    for (uint32_t k0 = 0; k0 < depth; k0 += kJudgeDepth) {
      __syncthreads();
      for (uint32_t i = thread; i < kJudgeTile * kJudgeDepth; i += 256) {
        const uint32_t line = i / kJudgeDepth;
        const uint32_t k = i % kJudgeDepth;
        a[k][line] = row0 + line < count ? toFloat(p.input(expert, row0 + line)[k0 + k]) : 0.0f;
        const uint64_t weightRow = static_cast<uint64_t>(expert) * p.width() + column0 + line;
        b[k][line] = toFloat(p.weights[weightRow * depth + k0 + k]);
      }
      __syncthreads();
      for (uint32_t k = 0; k < kJudgeDepth; ++k) {
#pragma unroll
        for (uint32_t i = 0; i < 4; ++i)
#pragma unroll
          for (uint32_t j = 0; j < 4; ++j) {
            sum[i][j] += static_cast<double>(a[k][threadIdx.y + 16 * i]) * b[k][threadIdx.x + 16 * j];
          }
      }
    }
  }
  double error2 = 0, reference2 = 0, worst = 0;
  unsigned long long wrong = 0, strays = 0;
#pragma unroll
  for (uint32_t i = 0; i < 4; ++i) {
#pragma unroll
    for (uint32_t j = 0; j < 4; ++j) {
      const uint32_t row = row0 + threadIdx.y + 16 * i;
      const uint32_t column = column0 + threadIdx.x + 16 * j;
      if (row >= p.shape.capacity || column >= p.width()) continue;
      const bf16 got = p.result(expert, row, column);
      if (row >= count) {
        strays += got.bits != 0xffff;
        continue;
      }
      const double bias = p.bias == nullptr ? 0 : p.bias[static_cast<uint64_t>(expert) * p.width() + column];
      const double want = activateExactly(p.activation, sum[i][j] + bias);
      const double error = fabs(toFloat(got) - want);
      const double units = error / (fabs(want) * kRelativeTolerance + kAbsoluteTolerance);
      error2 += error * error;
      reference2 += want * want;
      worst = units > worst ? units : worst;
      wrong += !(units <= 1.0);
    }
  }
  atomicAdd(&verdict->squaredError, error2);
  atomicAdd(&verdict->squaredReference, reference2);
  if (wrong != 0) atomicAdd(&verdict->wrong, wrong);
  if (strays != 0) atomicAdd(&verdict->strays, strays);
  // Non-negative doubles order like their bits.
  atomicMax(reinterpret_cast<unsigned long long*>(&verdict->worst), static_cast<unsigned long long>(__double_as_longlong(worst)));
}

}  // namespace kerneltwin::bench
