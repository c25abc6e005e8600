#include "forward_kernels.h"

#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/transport_direct.cuh"

namespace kerneltwin {

__global__ void __launch_bounds__(kBlockThreads, kBlocksPerSm) forwardDirect(const __grid_constant__ LaunchArgs args) {
  forward<DirectTransport>(args, gridDim.x);
}

const void* forwardDirectKernel() { return reinterpret_cast<const void*>(&forwardDirect); }

}  // namespace kerneltwin
