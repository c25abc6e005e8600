#include "forward_kernels.h"

#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/transport_put.cuh"

namespace kerneltwin {

__global__ void __launch_bounds__(kBlockThreads, 1) forwardPut(const __grid_constant__ LaunchArgs args) {
  forward<PutTransport>(args, gridDim.x);
}

const void* forwardPutKernel() { return reinterpret_cast<const void*>(&forwardPut); }

}  // namespace kerneltwin
