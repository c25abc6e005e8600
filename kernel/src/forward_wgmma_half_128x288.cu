#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<HalfTile128x288, kTracing>();

}  // namespace kerneltwin
