// One line about what the library was built from.
#pragma once

#include <cuda_runtime_api.h>
#include <non_abi/nvshmem_version.h>

#define KT_TEXT(x) #x
#define KT_TEXT_OF(x) KT_TEXT(x)

/// Version of the npm package this library belongs to; the build passes it in.
#ifndef KERNELTWIN_VERSION
#error "KERNELTWIN_VERSION is set by CMakeLists.txt"
#endif

#define KERNELTWIN_VERSION_LINE                                                                        \
  "kerneltwin " KERNELTWIN_VERSION ", CUDA runtime " KT_TEXT_OF(CUDART_VERSION) ", NVSHMEM " KT_TEXT_OF( \
      NVSHMEM_VENDOR_MAJOR_VERSION) "." KT_TEXT_OF(NVSHMEM_VENDOR_MINOR_VERSION) "." KT_TEXT_OF(NVSHMEM_VENDOR_PATCH_VERSION)
