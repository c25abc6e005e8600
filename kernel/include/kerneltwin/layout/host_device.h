// One macro for code that must compile for the device and for the host: everything in layout/ and protocol/.
#pragma once

#if defined(__CUDACC__)
#define KT_HD __host__ __device__ __forceinline__
#else
#define KT_HD inline
#endif
