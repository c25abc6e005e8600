// Errors inside the library: thrown as Failure, turned into a status and a message at the C interface. Nothing in the
// library ends the process.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "kerneltwin/api.h"

namespace kerneltwin {

class Failure : public std::runtime_error {
 public:
  Failure(kt_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
  kt_status status() const noexcept { return status_; }

 private:
  kt_status status_;
};

/// Throws with "what: expected EXPECTED, got VALUE".
[[noreturn]] inline void refuse(const std::string& what, const std::string& expected, const std::string& got) {
  throw Failure(KT_BAD_ARGUMENT, what + ": expected " + expected + ", got " + got);
}

inline void require(bool holds, const std::string& what, const std::string& expected, uint64_t got) {
  if (!holds) refuse(what, expected, std::to_string(got));
}

/// `call` is the text of the call, for the message.
inline void checkCuda(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // a failed call must not be reported again by the next one
  kt_status status = KT_CUDA_ERROR;
  if (error == cudaErrorMemoryAllocation) status = KT_OUT_OF_MEMORY;
  if (error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver) status = KT_NO_GPU;
  if (error == cudaErrorCooperativeLaunchTooLarge) status = KT_NOT_RESIDENT;
  throw Failure(status, std::string(call) + ": " + cudaGetErrorName(error) + " (" + cudaGetErrorString(error) + ")");
}

}  // namespace kerneltwin

#define KT_CUDA(call) ::kerneltwin::checkCuda((call), #call)
