#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile128x128, kTracing>();

}  // namespace kerneltwin
