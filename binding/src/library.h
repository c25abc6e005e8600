// libkerneltwin.so, opened at run time: the table of its C interface.
#pragma once

#include "kerneltwin/api.h"

#include <memory>
#include <stdexcept>
#include <string>

namespace kerneltwin::binding {

/// X(name): every function of kerneltwin/api.h.
#define KT_API_FUNCTIONS(X)                                                                        \
  X(kt_abi_version) X(kt_version) X(kt_last_error) X(kt_status_name) X(kt_device_query)            \
  X(kt_unique_id) X(kt_join) X(kt_barrier) X(kt_leave) X(kt_symmetric_bytes) X(kt_world_open)      \
  X(kt_world_close) X(kt_world_query) X(kt_tensor_bytes) X(kt_upload) X(kt_download) X(kt_fill)    \
  X(kt_launch) X(kt_abort) X(kt_dump) X(kt_trace_read) X(kt_check)

/// Why a library could not be used; `code` is one of coded_error.h.
class LibraryError : public std::runtime_error {
 public:
  LibraryError(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

/// An open library. Never closed again: CUDA and NVSHMEM leave threads and exit handlers behind that point into it.
struct Library {
  std::string path;
#define KT_MEMBER(name) decltype(&::name) name = nullptr;
  KT_API_FUNCTIONS(KT_MEMBER)
#undef KT_MEMBER
};

/// Opens the library and checks its version. Throws LibraryError: NO_KERNEL or API_VERSION.
std::shared_ptr<const Library> openLibrary(const std::string& path);

}  // namespace kerneltwin::binding
