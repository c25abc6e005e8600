#include "kernel_facts.h"

#include <cuda_runtime.h>

#include <cstdio>
#include <string>

#include "failure.h"
#include "resident_launch.h"

namespace kerneltwin {
namespace {

int attribute(cudaDeviceAttr what, int device) {
  int value = 0;
  KT_CUDA(cudaDeviceGetAttribute(&value, what, device));
  return value;
}

}  // namespace

KernelFacts kernelFacts(const KernelVariant& variant, int device) {
  KernelFacts facts = {};
  facts.variant = variant;
  KT_CUDA(cudaFuncSetAttribute(variant.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(variant.sharedBytes)));
  KT_CUDA(cudaFuncSetAttribute(variant.kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared));
  cudaFuncAttributes attributes = {};
  KT_CUDA(cudaFuncGetAttributes(&attributes, variant.kernel));
  int perSm = 0;
  KT_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&perSm, variant.kernel, static_cast<int>(variant.threads),
                                                        variant.sharedBytes));
  facts.blocksPerSm = static_cast<uint32_t>(perSm);
  facts.sms = static_cast<uint32_t>(attribute(cudaDevAttrMultiProcessorCount, device));
  facts.residentBlocks = facts.blocksPerSm * facts.sms;
  if (variant.ctas > 1) facts.residentBlocks = variant.ctas * residentClusters(variant, facts.residentBlocks);
  facts.registers = static_cast<uint32_t>(attributes.numRegs);
  facts.sharedBytes = static_cast<uint32_t>(attributes.sharedSizeBytes) + variant.sharedBytes;
  facts.localBytes = static_cast<uint32_t>(attributes.localSizeBytes);
  return facts;
}

void queryDevice(uint32_t device, kt_device_info& out) {
  int devices = 0;
  KT_CUDA(cudaGetDeviceCount(&devices));
  if (devices == 0) throw Failure(KT_NO_GPU, "no CUDA device is visible");
  require(device < static_cast<uint32_t>(devices), "device", "less than " + std::to_string(devices), device);
  KT_CUDA(cudaSetDevice(static_cast<int>(device)));
  cudaDeviceProp properties = {};
  KT_CUDA(cudaGetDeviceProperties(&properties, static_cast<int>(device)));
  out.device = device;
  out.devices = static_cast<uint32_t>(devices);
  out.sms = static_cast<uint32_t>(properties.multiProcessorCount);
  out.capability = static_cast<uint32_t>(properties.major * 10 + properties.minor);
  out.clock_khz = static_cast<uint32_t>(attribute(cudaDevAttrClockRate, static_cast<int>(device)));
  int version = 0;
  KT_CUDA(cudaDriverGetVersion(&version));
  out.driver_version = static_cast<uint32_t>(version);
  KT_CUDA(cudaRuntimeGetVersion(&version));
  out.runtime_version = static_cast<uint32_t>(version);
  out.shared_per_block = static_cast<uint32_t>(properties.sharedMemPerBlockOptin);
  out.l2_bytes = static_cast<uint32_t>(properties.l2CacheSize);
  size_t free = 0;
  size_t total = 0;
  KT_CUDA(cudaMemGetInfo(&free, &total));
  out.memory_bytes = total;
  out.memory_free = free;
  std::snprintf(out.name, sizeof out.name, "%.127s", properties.name);
  if (out.capability != 90) {
    throw Failure(KT_NO_GPU, std::string(properties.name) + " has compute capability " + std::to_string(out.capability) +
                                 "; the kernel is built for 90 (Hopper)");
  }
  const KernelFacts facts = kernelFacts(mmaVariant(KT_TRANSPORT_DIRECT, Dtype::Bf16), static_cast<int>(device));
  out.resident_blocks = facts.residentBlocks;
}

}  // namespace kerneltwin
