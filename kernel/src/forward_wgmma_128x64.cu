#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile128x64, kTracing>();

}  // namespace kerneltwin
