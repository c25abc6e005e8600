#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile128x288, kTracing>();

}  // namespace kerneltwin
