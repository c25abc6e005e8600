#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile128x288>();

}  // namespace kerneltwin
