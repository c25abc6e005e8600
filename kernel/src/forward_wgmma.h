// The wgmma builds of the fused kernel, one translation unit a tile shape.
#pragma once

#include "kernel_variant.h"
#include "kerneltwin/gemm/wgmma_shape.h"

namespace kerneltwin {

/// Columns x tokens. Few tokens take a deep ring, whose bytes in flight are what counts there; many the wide tile.
using Tile128x64 = TileConfig<1, 64, 8, 64, 1>;
using Tile128x128 = TileConfig<1, 128, 6, 32, 2>;
using Tile128x192 = TileConfig<1, 192, 5, 32, 2>;
using Tile128x288 = TileConfig<1, 288, 4, 48, 1>;
using Tile256x64 = TileConfig<2, 64, 5, 32, 2>;
using Tile128x256 = TileConfig<1, 256, 4, 48, 2>;
/// Of two blocks, which share the tokens.
using PairTile256x288 = TileConfig<1, 288, 4, 48, 1, 2>;

/// The same tiles on fp16.
template <class Tile>
struct OnHalf;
template <uint32_t Fragments, uint32_t Tokens, uint32_t Stages, uint32_t PassTokens, uint32_t PassBuffers, uint32_t Ctas>
struct OnHalf<TileConfig<Fragments, Tokens, Stages, PassTokens, PassBuffers, Ctas>> {
  using Type = TileConfig<Fragments, Tokens, Stages, PassTokens, PassBuffers, Ctas, Fp16Element>;
};
using HalfTile128x64 = OnHalf<Tile128x64>::Type;
using HalfTile128x288 = OnHalf<Tile128x288>::Type;
using HalfTile128x256 = OnHalf<Tile128x256>::Type;

/// The build of a tile, with trace code or without: a test of whether a launch is traced cost 1.6 to 3.7 % where it was not (kernel/TUNING.md).
template <class Config, bool Traced>
KernelVariant wgmmaVariant();

}  // namespace kerneltwin
