// One macro for code that must compile for the device and for the host: everything in layout/ and protocol/.
#pragma once

#if defined(__CUDACC__)
#define KT_HD __host__ __device__ __forceinline__
/// Unrolls the loop that follows on the device, where an array indexed by its counter would otherwise live in local memory.
#define KT_UNROLL _Pragma("unroll")
/// Keeps the loop that follows rolled: code that runs once a launch is fetched from memory, so less of it is faster.
#define KT_ROLLED _Pragma("unroll 1")
#else
#define KT_HD inline
#define KT_UNROLL
#define KT_ROLLED
#endif
