#include "forward_wgmma.cuh"

namespace kerneltwin {

template KernelVariant wgmmaVariant<Tile256x64, kTracing>();

}  // namespace kerneltwin
