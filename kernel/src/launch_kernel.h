// Launches of plain kernels through a function instead of <<<>>>, so that the same source also compiles for the emulator.
#pragma once

#include <cuda_runtime.h>

#include "failure.h"

namespace kerneltwin {

#if defined(__CUDACC__)
/// `kernel(arguments...)` on `grid` blocks of `threads`; throws when it cannot be launched.
template <class... Parameters, class... Arguments>
void launchKernel(void (*kernel)(Parameters...), dim3 grid, uint32_t threads, cudaStream_t stream, Arguments... arguments) {
  kernel<<<grid, threads, 0, stream>>>(arguments...);
  KT_CUDA(cudaGetLastError());
}
#else
template <class... Parameters, class... Arguments>
void launchKernel(void (*kernel)(Parameters...), dim3 grid, uint32_t threads, cudaStream_t, Arguments... arguments) {
  emulator::runKernel(grid, threads, [=] { kernel(arguments...); });
}
#endif

}  // namespace kerneltwin
