#include "kernel_variant.h"

#include <string>
#include <vector>

#include "failure.h"
#include "forward_kernels.h"
#include "forward_wgmma.h"
#include "kerneltwin/actors/block.h"
#include "kerneltwin/gemm/tile.h"

namespace kerneltwin {
namespace {

bool holds(const KernelVariant& v, const Shape& s) { return s.tileRows <= v.tileTokens && s.tileCols <= v.tileColumns; }

/// All wgmma builds of an element type, narrowest first. fp16 has fewer: each costs a minute of compiling.
template <bool Traced>
std::vector<KernelVariant> wgmmaBuilds(Dtype dtype) {
  if (dtype == Dtype::Fp16) {
    return {wgmmaVariant<HalfTile128x64, Traced>(), wgmmaVariant<HalfTile128x256, Traced>(),
            wgmmaVariant<HalfTile128x288, Traced>()};
  }
  return {wgmmaVariant<Tile128x64, Traced>(),  wgmmaVariant<Tile128x128, Traced>(), wgmmaVariant<Tile128x192, Traced>(),
          wgmmaVariant<Tile128x256, Traced>(), wgmmaVariant<Tile128x288, Traced>(), wgmmaVariant<Tile256x64, Traced>(),
          wgmmaVariant<PairTile256x288, Traced>()};
}

KernelVariant wgmmaFor(const Shape& s, Dtype dtype, bool traced) {
  std::string known;
#if defined(KT_UNTRACED)
  const std::vector<KernelVariant> builds = wgmmaBuilds<false>(dtype);
  (void)traced;
#else
  const std::vector<KernelVariant> builds = traced ? wgmmaBuilds<true>(dtype) : wgmmaBuilds<false>(dtype);
#endif
  for (const KernelVariant& v : builds) {
    if (holds(v, s)) return v;
    known += (known.empty() ? "" : ", ") + std::to_string(v.tileTokens) + " x " + std::to_string(v.tileColumns);
  }
  const std::string type = dtype == Dtype::Fp16 ? " fp16" : "";
  throw Failure(KT_UNSUPPORTED, "shape: tiles of tile_rows x tile_cols = " + std::to_string(s.tileRows) + " x " +
                                    std::to_string(s.tileCols) + " fit none of this build's wgmma" + type + " tiles: " + known);
}

}  // namespace

KernelVariant mmaVariant(kt_transport transport, Dtype dtype) {
  if (transport == KT_TRANSPORT_PUT && dtype == Dtype::Fp16) {
    throw Failure(KT_UNSUPPORTED, "dtype: this build has fp16 with the direct transport only; use transport direct or dtype bf16");
  }
  const void* kernel = transport == KT_TRANSPORT_PUT ? forwardPutKernel()
                       : dtype == Dtype::Fp16        ? forwardDirectHalfKernel()
                                                     : forwardDirectKernel();
  return {kernel, MmaBlock::kThreads, kSharedBytes, MmaBlock::kSubscribers, kTileRows, kTileCols, 1, false};
}

KernelVariant chooseVariant(kt_transport transport, kt_gemm gemm, Dtype dtype, const Shape& shape, bool traced) {
  if (gemm == KT_GEMM_MMA) {
    const KernelVariant v = mmaVariant(transport, dtype);
    if (holds(v, shape)) return v;
    throw Failure(KT_UNSUPPORTED, "shape: tiles of tile_rows x tile_cols = " + std::to_string(shape.tileRows) + " x " +
                                      std::to_string(shape.tileCols) + " are larger than the mma tile of " +
                                      std::to_string(kTileRows) + " x " + std::to_string(kTileCols));
  }
  if (transport != KT_TRANSPORT_DIRECT) {
    throw Failure(KT_UNSUPPORTED, "gemm: wgmma runs with the direct transport only: a put is a whole block's work, and its "
                                  "block's threads have roles of their own; use gemm mma");
  }
  return wgmmaFor(shape, dtype, traced);
}

}  // namespace kerneltwin
