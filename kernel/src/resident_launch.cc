#include "resident_launch.h"

#include "failure.h"

namespace kerneltwin {
namespace {

cudaLaunchAttribute clusterOf(const KernelVariant& v) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {v.ctas, 1, 1};
  return attribute;
}

cudaLaunchConfig_t configOf(const KernelVariant& v, uint32_t blocks) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(v.threads);
  config.dynamicSmemBytes = v.sharedBytes;
  return config;
}

}  // namespace

uint32_t residentClusters(const KernelVariant& v, uint32_t blocks) {
  cudaLaunchAttribute cluster = clusterOf(v);
  cudaLaunchConfig_t config = configOf(v, blocks / v.ctas * v.ctas);
  config.attrs = &cluster;
  config.numAttrs = 1;
  int clusters = 0;
  KT_CUDA(cudaOccupancyMaxActiveClusters(&clusters, v.kernel, &config));
  return static_cast<uint32_t>(clusters);
}

void launchResident(const KernelVariant& v, uint32_t blocks, void** parameters, cudaStream_t stream) {
  cudaLaunchAttribute attributes[2] = {{}, clusterOf(v)};
  attributes[0].id = cudaLaunchAttributeCooperative;
  attributes[0].val.cooperative = 1;
  cudaLaunchConfig_t config = configOf(v, blocks);
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = v.ctas > 1 ? 2 : 1;
  KT_CUDA(cudaLaunchKernelExC(&config, v.kernel, parameters));
}

}  // namespace kerneltwin
