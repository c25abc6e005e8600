#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile256x160>();

}  // namespace kerneltwin
