// Launches whose blocks all run at the same time, in clusters where several blocks make a processor. Apart from their callers, because
// the emulator has its own.
#pragma once

#include <cuda_runtime.h>

#include "kernel_variant.h"

namespace kerneltwin {

/// Clusters of the variant that run at the same time, of at most `blocks` blocks: fewer where an odd SM is left over.
uint32_t residentClusters(const KernelVariant& variant, uint32_t blocks);

/// `blocks` blocks of the variant, a multiple of its cluster's. What NVSHMEM's collective launch does as well, without its detour
/// over a second stream: the direct transport makes no NVSHMEM call on the device.
void launchResident(const KernelVariant& variant, uint32_t blocks, void** parameters, cudaStream_t stream);

}  // namespace kerneltwin
