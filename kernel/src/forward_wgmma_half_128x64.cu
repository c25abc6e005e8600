#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<HalfTile128x64, kTracing>();

}  // namespace kerneltwin
