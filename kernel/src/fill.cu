#include "fill.h"

#include "launch_kernel.h"

namespace kerneltwin {
namespace {

__device__ void put(bf16& to, float x, Dtype dtype) { to = floatToElement(x, dtype); }
__device__ void put(float& to, float x, Dtype) { to = x; }

template <class T>
__global__ void fillStream(T* to, Dtype dtype, uint64_t count, FillKey key, float amplitude) {
  key.owner += blockIdx.y;
  const uint64_t stream = streamOf(key);
  T* owned = to + blockIdx.y * count;
  const uint64_t step = static_cast<uint64_t>(gridDim.x) * blockDim.x;
  for (uint64_t i = static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    put(owned[i], fillValue(stream, i, amplitude), dtype);
  }
}

template <class T>
void fill(T* to, Dtype dtype, uint64_t count, uint32_t owners, FillKey key, float amplitude, cudaStream_t stream) {
  if (count == 0 || owners == 0) return;
  const uint64_t blocks = (count + 255) / 256;
  const dim3 grid(static_cast<uint32_t>(blocks < 2048 ? blocks : 2048), owners);
  launchKernel(fillStream<T>, grid, 256, stream, to, dtype, count, key, amplitude);
}

}  // namespace

void fillElements(bf16* to, Dtype dtype, uint64_t count, uint32_t owners, FillKey key, float amplitude, cudaStream_t stream) {
  fill(to, dtype, count, owners, key, amplitude, stream);
}

void fillFloat(float* to, uint64_t count, uint32_t owners, FillKey key, float amplitude, cudaStream_t stream) {
  fill(to, Dtype::Bf16, count, owners, key, amplitude, stream);
}

}  // namespace kerneltwin
