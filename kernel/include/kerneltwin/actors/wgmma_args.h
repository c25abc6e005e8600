// The parameter of the kernel that runs its GEMMs on wgmma.
#pragma once

#include "kerneltwin/actors/launch_args.h"
#include "kerneltwin/gemm/wgmma_task.h"

namespace kerneltwin {

/// The kernel's only parameter, __grid_constant__: the copy engine reads the maps where they lie.
struct WgmmaArgs {
  TileMaps maps;
  GateMaps gate;
  LaunchArgs launch;
};
static_assert(sizeof(WgmmaArgs) <= 4096);

}  // namespace kerneltwin
