// The library's wgmma builds on the emulated GPU, and the maps their copy engine reads.
#include <cstring>

#include "../../../src/forward_wgmma.h"
#include "../../../src/tile_maps.h"
#include "emulated_kernel.h"
#include "kerneltwin/actors/forward_wgmma.cuh"

namespace kerneltwin {
namespace {

template <class Config>
std::function<void()> bindWgmma(const void* parameter, uint32_t blocks) {
  WgmmaArgs args = *static_cast<const WgmmaArgs*>(parameter);
  args.launch.deadlineNs = emulator::emulatedDeadline(args.launch.deadlineNs);
  return [args, blocks] { forwardWgmma<Config>(args, blocks); };
}

}  // namespace

/// The emulated kernel has trace code either way.
template <class Config, bool Traced>
KernelVariant wgmmaVariant() {
  static const emulator::EmulatedKernel kernel = {WgmmaBlock::kThreads, kWgmmaSharedBytes<Config>, &bindWgmma<Config>};
  return {&kernel, kernel.threads, kernel.sharedBytes, WgmmaBlock::kSubscribers, Config::kTokens, Config::kTaskColumns, Config::kCtas,
          true};
}

template KernelVariant wgmmaVariant<Tile128x64, true>();
template KernelVariant wgmmaVariant<Tile128x64, false>();
template KernelVariant wgmmaVariant<Tile128x128, true>();
template KernelVariant wgmmaVariant<Tile128x128, false>();
template KernelVariant wgmmaVariant<Tile128x288, true>();
template KernelVariant wgmmaVariant<Tile128x288, false>();
template KernelVariant wgmmaVariant<Tile256x64, true>();
template KernelVariant wgmmaVariant<Tile256x64, false>();
template KernelVariant wgmmaVariant<Tile128x192, true>();
template KernelVariant wgmmaVariant<Tile128x192, false>();
template KernelVariant wgmmaVariant<Tile128x256, true>();
template KernelVariant wgmmaVariant<Tile128x256, false>();
template KernelVariant wgmmaVariant<PairTile256x288, true>();
template KernelVariant wgmmaVariant<PairTile256x288, false>();
template KernelVariant wgmmaVariant<HalfTile128x64, true>();
template KernelVariant wgmmaVariant<HalfTile128x64, false>();
template KernelVariant wgmmaVariant<HalfTile128x288, true>();
template KernelVariant wgmmaVariant<HalfTile128x288, false>();
template KernelVariant wgmmaVariant<HalfTile128x256, true>();
template KernelVariant wgmmaVariant<HalfTile128x256, false>();

TileMaps makeTileMaps(const Shape& s, Dtype, const TileMatrices& m, uint32_t tileColumns) {
  return ptx::mapsOf(s, m, tileColumns);
}

GateMaps makeGateMaps(const Shape& s, Dtype, const bf16* router, const bf16* x) { return ptx::gateMapsOf(s, router, x); }

}  // namespace kerneltwin
