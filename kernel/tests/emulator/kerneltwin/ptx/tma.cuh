// The emulator's stand-in for kerneltwin/ptx/tma.cuh. A TensorMap holds a MatrixView here.
#pragma once

#include <cstring>
#include <stdexcept>

#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/ptx/device.cuh"
#include "tensor.h"

namespace kerneltwin::ptx {

struct MatrixView {
  const bf16* data;
  uint64_t rows;
  uint64_t columns;
  uint32_t boxRows;
};

/// The view as the driver's encoder would make it a map.
inline TensorMap mapOf(const bf16* data, uint64_t rows, uint64_t columns, uint32_t boxRows) {
  const MatrixView view = {data, rows, columns, boxRows};
  TensorMap map = {};
  static_assert(sizeof view <= sizeof map);
  std::memcpy(&map, &view, sizeof view);
  return map;
}

/// As encodeTileMaps of gemm/wgmma_maps.h.
inline TileMaps mapsOf(const Shape& s, const TileMatrices& m, uint32_t tileColumns) {
  const uint64_t experts = m.localExperts;
  const uint64_t intermediateRows = static_cast<uint64_t>(s.ranks) * s.slots * s.capacity;
  TileMaps maps;
  maps.weights[0] = mapOf(m.w1, experts * w1Rows(s), s.hidden, tileColumns);
  maps.weights[1] = mapOf(m.w2, experts * s.hidden, s.intermediate, tileColumns);
  for (uint32_t b = 0; b < kTokenBoxes; ++b) {
    maps.tokens[0][b] = mapOf(m.heap, heapRows(s), s.hidden, boxRows(b));
    maps.tokens[1][b] = mapOf(m.intermediate, intermediateRows, s.intermediate, boxRows(b));
  }
  return maps;
}

/// As encodeGateMaps.
inline GateMaps gateMapsOf(const Shape& s, const bf16* router, const bf16* x) {
  GateMaps maps;
  maps.router = mapOf(router, s.experts, s.hidden, gateBoxRows(s.experts));
  for (uint32_t b = 0; b < kGateBoxes; ++b) maps.tokens[b] = mapOf(x, s.tokens, s.hidden, boxRows(b));
  return maps;
}

/// Starts the copy into the shared memory of one block, where it lands when that block's unit pleases.
inline void loadBoxTo(const emulator::Block& block, uint32_t to, const TensorMap* map, uint32_t column, uint32_t row,
                      uint32_t barrier) {
  MatrixView m;
  std::memcpy(&m, map, sizeof m);
  if (to % 1024 != 0) throw std::runtime_error("box not at a multiple of the swizzle");
  char* shared = block.shared;
  const uint32_t bytes = m.boxRows * kLineBytes;
  std::memset(shared + to, 0xff, bytes);  // undefined from here on: NaN
  emulator::Tensor::of(block).copyLater(barrier, bytes, [=] {
    for (uint32_t r = 0; r < m.boxRows; ++r) {
      for (uint32_t c = 0; c < kStageDepth; ++c) {
        const bool inside = row + r < m.rows && column + c < m.columns;
        const bf16 x = inside ? m.data[(row + r) * m.columns + column + c] : bf16{0};
        std::memcpy(shared + emulator::swizzleAddress(to + r * kLineBytes + c * 2), &x, 2);
      }
    }
  });
}

inline void loadBox(uint32_t to, const TensorMap* map, uint32_t column, uint32_t row, uint32_t barrier, uint64_t) {
  loadBoxTo(machine().block(), to, map, column, row, barrier);
}

/// The copies of a multicast land each in its own time.
inline void loadBoxToAll(uint32_t to, const TensorMap* map, uint32_t column, uint32_t row, uint32_t barrier, uint16_t blocks,
                         uint64_t) {
  for (uint32_t rank = 0; blocks >> rank != 0; ++rank) {
    if (blocks >> rank & 1) loadBoxTo(machine().neighbour(rank), to, map, column, row, barrier);
  }
}
inline void prefetchMap(const TensorMap*) {}
inline void fenceGlobalForCopies() {}
inline void fenceSharedForCopies() {}
inline uint64_t policyReadOnce() { return 0; }
inline uint64_t policyKeep() { return 0; }
inline uint64_t policyNormal() { return 0; }

}  // namespace kerneltwin::ptx
