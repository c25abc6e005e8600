#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile128x192, kTracing>();

}  // namespace kerneltwin
