#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<HalfTile256x176>();

}  // namespace kerneltwin
