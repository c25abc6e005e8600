#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<HalfTile128x256, kTracing>();

}  // namespace kerneltwin
