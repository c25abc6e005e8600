#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile256x176>();

}  // namespace kerneltwin
