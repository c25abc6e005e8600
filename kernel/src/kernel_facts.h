// The fused kernel as this process may run it.
#pragma once

#include <cstdint>

#include "kernel_variant.h"

namespace kerneltwin {

struct KernelFacts {
  KernelVariant variant;
  uint32_t blocksPerSm;     ///< occupancy query in this process
  uint32_t sms;             ///< multiprocessors this process may use
  uint32_t residentBlocks;  ///< that run at the same time, in whole clusters
  uint32_t registers;
  uint32_t sharedBytes;   ///< dynamic + static
  uint32_t localBytes;
};

/// Sets the kernel's attributes and asks for its occupancy on the current device.
KernelFacts kernelFacts(const KernelVariant& variant, int device);

/// Fills `out`; throws KT_NO_GPU without a driver, a device or compute capability 9.0.
void queryDevice(uint32_t device, kt_device_info& out);

}  // namespace kerneltwin
