// What the benchmarks need of the CUDA runtime: checked calls, and memory with an owner.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace kerneltwin::bench {

[[noreturn]] inline void die(const char* file, int line, const char* what, const char* why) {
  std::fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, why);
  std::exit(2);
}

#define KT_CUDA(call)                                                                              \
  do {                                                                                             \
    const cudaError_t status_ = (call);                                                            \
    if (status_ != cudaSuccess) die(__FILE__, __LINE__, #call, cudaGetErrorString(status_));       \
  } while (false)

/// Device memory that goes with its owner.
template <class T>
class Buffer {
 public:
  explicit Buffer(uint64_t count) : count_(count) { KT_CUDA(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T))); }
  Buffer(Buffer&& other) noexcept : data_(other.data_), count_(other.count_) { other.data_ = nullptr; }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { cudaFree(data_); }

  T* get() const { return data_; }
  uint64_t count() const { return count_; }
  void fill(int byte) { KT_CUDA(cudaMemset(data_, byte, count_ * sizeof(T))); }
  void copyFrom(const std::vector<T>& v) {
    KT_CUDA(cudaMemcpy(data_, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
  }

 private:
  T* data_ = nullptr;
  uint64_t count_;
};

}  // namespace kerneltwin::bench
