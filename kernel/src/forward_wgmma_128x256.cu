#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile128x256, kTracing>();

}  // namespace kerneltwin
