// What the roles of a pipeline are told about a task, and how a task of the layout becomes one.
#pragma once

#include <cstdint>

#include "kerneltwin/gemm/bf16.h"
#include "kerneltwin/gemm/wgmma_shape.h"
#include "kerneltwin/layout/task.h"

namespace kerneltwin {

/// The driver's description of a matrix for the copy engine, made on the host (gemm/wgmma_maps.h). Opaque here.
struct alignas(128) TensorMap {
  uint64_t opaque[16];
};

/// Operands of both GEMMs, K-major. Part of a __grid_constant__ kernel parameter: the engine reads them from there.
struct TileMaps {
  TensorMap weights[2];              ///< boxes of the tile's columns; GEMM0: [L * w1Rows][H], GEMM1: [L * H][I]
  TensorMap tokens[2][kTokenBoxes];  ///< boxes of boxRows(b); GEMM0: heap [heapRows][H], GEMM1: intermediate [rows][I]
};

/// The matrices behind the maps, of one rank with L local experts.
struct TileMatrices {
  const bf16* w1;             ///< [L * w1Rows][H]
  const bf16* w2;             ///< [L * H][I]
  const bf16* heap;           ///< [heapRows][H]
  const bf16* intermediate;   ///< [ranks * slots * C][I]
  uint32_t localExperts;      ///< L, at most the shape's slots
};

/// Boxes of the gate's tokens: boxRows(b) rows, together up to 128.
inline constexpr uint32_t kGateBoxes = 5;
/// Experts of a box of router weights: those of a tile of the gate, or all in steps of 8.
KT_HD uint32_t gateBoxRows(uint32_t experts) { return experts < 128 ? roundUp(experts, 8) : 128; }

/// Operands of the gate, K-major. Part of the kernel parameter as well.
struct GateMaps {
  TensorMap router;               ///< boxes of gateBoxRows; [E][H]
  TensorMap tokens[kGateBoxes];   ///< boxes of boxRows(b); [S][H]
};

enum class TaskKind : uint32_t {
  Exit = 0,   ///< leave the launch
  Tile = 1,   ///< GEMM0 or GEMM1
  Other = 2,  ///< anything that needs threads but no ring: COMBINE, on the aides
  Wide = 3,   ///< likewise, on the consumers, which have no tile
  Warm = 4,   ///< the epilogue alone, without stores: before the first tile, so that its code is there
};

/// One task in the block's shared memory. 64 bytes, so that a role reads it with four 16-byte loads.
struct alignas(16) TileTask {
  TaskKind kind;
  uint32_t index;       ///< task index of the layout
  uint32_t sequence;    ///< of the doorbell that brought it
  uint32_t gemm;        ///< 0 or 1: which pair of tensor maps
  uint32_t weightRow;   ///< first row in the weights' map
  uint32_t tokenRow;    ///< first row in the tokens' map
  uint32_t steps;       ///< K / kStageDepth
  uint32_t rows;        ///< tokens; no row past them is stored
  uint32_t columns;     ///< a multiple of 64, at most the tile's; of a pair's two tiles together
  uint32_t stride;      ///< elements from token to token of `out`
  uint32_t activation;  ///< enum Activation
  uint32_t readOnce;    ///< no other task reads these weights: they leave L2 first
  bf16* out;            ///< element (token 0, column 0); 16-byte aligned; may be a peer's memory. Null: nothing is stored
  const float* bias;    ///< [columns], or null
};
static_assert(sizeof(TileTask) == 64);

/// The tensors around a tile, of one rank and launch.
struct TilePlaces {
  bf16* intermediate;
  const float* b1;      ///< [slots][w1Rows], or null
  const float* b2;      ///< [slots][H], or null
  uint32_t activation;
};

/// Fills in a GEMM0 task of a cell with `rows` rows; `t` is the decoded `index`.
KT_HD void gemm0Tile(const Shape& s, const TilePlaces& at, const Task& t, uint32_t index, uint32_t rows, TileTask& out) {
  const RowSpan span = rowSpan(s, rows, t.block);
  const uint32_t column = t.col * s.tileCols;
  const uint64_t cell = cellIndex(s, t.peer, Round::Dispatch, Stage::Incoming, t.expert);
  out.kind = TaskKind::Tile;
  out.index = index;
  out.gemm = 0;
  out.weightRow = t.expert * w1Rows(s) + column;
  out.tokenRow = static_cast<uint32_t>(heapRow(s, cell, span.begin));
  out.steps = s.hidden / kStageDepth;
  out.rows = span.count;
  out.columns = tileWidth(s, w1Rows(s), t.col);
  out.stride = s.intermediate;
  out.activation = at.activation;
  out.readOnce = s.ranks == 1 && rowBlocks(s, rows) == 1;
  out.out = at.intermediate + intermediateOffset(s, t.peer, t.expert, span.begin, column >> s.gated);
  out.bias = at.b1 == nullptr ? nullptr : at.b1 + static_cast<uint64_t>(t.expert) * w1Rows(s) + column;
}

/// Fills in a GEMM1 task: reads the intermediate, writes a contiguous run of the combine round's column tile at `to`, in the
/// home rank's incoming cell or in this rank's outgoing one.
KT_HD void gemm1Tile(const Shape& s, const TilePlaces& at, const Task& t, uint32_t index, uint32_t rows, bf16* to,
                     TileTask& out) {
  const RowSpan span = rowSpan(s, rows, t.block);
  const uint32_t column = t.col * s.tileCols;
  out.kind = TaskKind::Tile;
  out.index = index;
  out.gemm = 1;
  out.weightRow = t.expert * s.hidden + column;
  out.tokenRow = static_cast<uint32_t>(intermediateOffset(s, t.peer, t.expert, span.begin, 0) / s.intermediate);
  out.steps = s.intermediate / kStageDepth;
  out.rows = span.count;
  out.columns = tileWidth(s, s.hidden, t.col);
  out.stride = out.columns;
  out.activation = 0;
  out.readOnce = s.ranks == 1 && rowBlocks(s, rows) == 1;
  out.out = to;
  out.bias = at.b2 == nullptr ? nullptr : at.b2 + static_cast<uint64_t>(t.expert) * s.hidden + column;
}

}  // namespace kerneltwin
