#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<PairTile256x288, kTracing>();

}  // namespace kerneltwin
