// Errors with a `code` that callers can branch on, beside the message a person reads.
#pragma once

#include <napi.h>

#include <string>

namespace kerneltwin::binding {

/// The library is missing or cannot be opened.
inline constexpr const char* kNoKernel = "NO_KERNEL";
/// The library is there, but no driver, no device or not one it runs on.
inline constexpr const char* kNoGpu = "NO_GPU";
/// The library speaks another version of kerneltwin/api.h.
inline constexpr const char* kApiVersion = "API_VERSION";
/// A call into the library failed; `status` and `call` say which and how.
inline constexpr const char* kKernelError = "KERNEL_ERROR";
/// A call on a world that was closed.
inline constexpr const char* kClosed = "CLOSED";

inline Napi::Error codedError(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Value().Set("code", Napi::String::New(env, code));
  return error;
}

}  // namespace kerneltwin::binding
