#include "forward_kernels.h"

#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/transport_direct.cuh"

namespace kerneltwin {

__global__ void __launch_bounds__(kBlockThreads, kBlocksPerSm) forwardDirectHalf(const __grid_constant__ LaunchArgs args) {
  forward<DirectTransport, Fp16Element>(args, gridDim.x);
}

const void* forwardDirectHalfKernel() { return reinterpret_cast<const void*>(&forwardDirectHalf); }

}  // namespace kerneltwin
