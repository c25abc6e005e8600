#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile128x256>();

}  // namespace kerneltwin
