// A CUDA runtime for the emulated GPU: as much of it as the library's host code calls. Device memory is host memory, streams run
// at once, kernels run on fibers. With it the whole library, reference included, runs without a GPU.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "machine.h"

#define CUDART_VERSION 0
#define __global__
#define __device__
#define __host__
#define __shared__ static

struct dim3 {
  uint32_t x = 1;
  uint32_t y = 1;
  uint32_t z = 1;
  dim3(uint32_t a = 1, uint32_t b = 1, uint32_t c = 1) : x(a), y(b), z(c) {}
};

namespace emulator {

/// Place of the plain kernel's thread that runs now; blocks run one after the other.
struct PlainPlace {
  dim3 block;
  dim3 blocks;
  uint32_t threads = 0;
};
inline PlainPlace plain;

void runKernel(dim3 grid, uint32_t threads, const std::function<void()>& body);

inline dim3 plainThread() { return {Machine::current().thread().index, 0, 0}; }
inline dim3 plainThreads() { return {plain.threads, 1, 1}; }
inline void plainSync() {
  Block& b = Machine::current().block();
  Machine::current().meet(b.meeting, static_cast<uint32_t>(b.threads.size()));
}

template <class T>
T plainShuffleXor(T value, int mask) {
  Slot slot = {};
  std::memcpy(&slot, &value, sizeof value);
  Machine& m = Machine::current();
  m.show(slot);
  T other;
  std::memcpy(&other, &m.slot(m.thread().index % 32 ^ static_cast<uint32_t>(mask)), sizeof other);
  return other;
}

}  // namespace emulator

#define threadIdx (::emulator::plainThread())
#define blockIdx (::emulator::plain.block)
#define blockDim (::emulator::plainThreads())
#define gridDim (::emulator::plain.blocks)
#define __syncthreads() ::emulator::plainSync()
#define __shfl_xor_sync(lanes, value, mask) ::emulator::plainShuffleXor(value, mask)

using std::isfinite;

enum cudaError_t {
  cudaSuccess,
  cudaErrorMemoryAllocation,
  cudaErrorInsufficientDriver,
  cudaErrorNoDevice,
  cudaErrorNotReady,
  cudaErrorCooperativeLaunchTooLarge,
  cudaErrorUnknown,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount, cudaDevAttrClockRate };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize, cudaFuncAttributePreferredSharedMemoryCarveout };
inline constexpr int cudaSharedmemCarveoutMaxShared = 100;
inline constexpr unsigned cudaStreamNonBlocking = 1;
using cudaStream_t = struct EmulatedStream*;
using cudaEvent_t = struct EmulatedEvent*;

struct cudaFuncAttributes {
  size_t sharedSizeBytes;
  size_t localSizeBytes;
  int numRegs;
};

struct cudaDeviceProp {
  char name[256];
  int multiProcessorCount;
  int major;
  int minor;
  size_t sharedMemPerBlockOptin;
  int l2CacheSize;
};

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr what, int device);

/// Filled with a pattern, as fresh device memory may hold anything.
template <class T>
cudaError_t cudaMalloc(T** out, size_t bytes) {
  *out = static_cast<T*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  if (*out == nullptr) return cudaErrorMemoryAllocation;
  std::memset(static_cast<void*>(*out), 0xa5, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* p) {
  std::free(p);
  return cudaSuccess;
}
inline cudaError_t cudaMemset(void* to, int byte, size_t bytes) {
  std::memset(to, byte, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* to, int byte, size_t bytes, cudaStream_t) { return cudaMemset(to, byte, bytes); }
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = *total = size_t{1} << 32;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* version) {
  *version = 0;
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }
inline const char* cudaGetErrorName(cudaError_t) { return "emulated error"; }
inline const char* cudaGetErrorString(cudaError_t) { return "the emulated runtime has no text for it"; }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* out, unsigned) {
  *out = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
/// A stream is done with what it was given before the call returns, this function too.
inline cudaError_t cudaLaunchHostFunc(cudaStream_t, void (*function)(void*), void* data) {
  function(data);
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* out) {
  *out = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t, cudaEvent_t) {
  *ms = 0.0f;
  return cudaSuccess;
}
inline cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return cudaSuccess; }
inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* out, const void*) {
  *out = {};
  return cudaSuccess;
}
inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int, size_t) {
  *blocks = 2;
  return cudaSuccess;
}
