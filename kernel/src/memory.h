// Owners of device memory, streams and events.
#pragma once

#include <cstdint>
#include <utility>

#include "failure.h"

namespace kerneltwin {

/// Device memory of `count` elements; null when empty.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  explicit DeviceArray(uint64_t count) : count_(count) {
    if (count == 0) return;
    const cudaError_t error = cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T));
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw Failure(KT_OUT_OF_MEMORY, "cudaMalloc of " + std::to_string(count * sizeof(T)) + " bytes");
    }
    checkCuda(error, "cudaMalloc");
  }
  DeviceArray(DeviceArray&& other) noexcept : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~DeviceArray() { cudaFree(data_); }

  T* get() const { return data_; }
  uint64_t count() const { return count_; }
  uint64_t bytes() const { return count_ * sizeof(T); }

  void clear(int byte = 0) const {
    if (count_ > 0) KT_CUDA(cudaMemset(data_, byte, bytes()));
  }
  void upload(const T* from, uint64_t count) const {
    if (count > 0) KT_CUDA(cudaMemcpy(data_, from, count * sizeof(T), cudaMemcpyHostToDevice));
  }
  void download(T* to, uint64_t count) const {
    if (count > 0) KT_CUDA(cudaMemcpy(to, data_, count * sizeof(T), cudaMemcpyDeviceToHost));
  }

 private:
  T* data_ = nullptr;
  uint64_t count_ = 0;
};

class Stream {
 public:
  Stream() { KT_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { KT_CUDA(cudaEventCreate(&event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace kerneltwin
