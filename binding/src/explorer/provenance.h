// Values that a correct run produces, computed from the routing alone: a tile's value is a hash of what it was computed from.
#pragma once

#include "kerneltwin/layout/shape.h"
#include "memory.h"

namespace kerneltwin::explorer {

struct Provenance {
  const Shape& s;
  uint32_t epoch;
  uint32_t source;
  uint32_t expert;  ///< global
  uint32_t rows;

  uint32_t row(uint32_t r) const { return stir(stir(stir(epoch + 1, source), expert), r); }
  uint32_t block(uint32_t b) const {
    const RowSpan span = rowSpan(s, rows, b);
    uint32_t h = 1;
    for (uint32_t r = span.begin; r < span.begin + span.count; ++r) h = stir(h, row(r));
    return h;
  }
  uint32_t intermediate(uint32_t b, uint32_t col) const { return stir(block(b), 0x10000 + col); }
  uint32_t tile(uint32_t b, uint32_t col) const {
    uint32_t h = 0x20000 + col;
    for (uint32_t c = 0; c < gemm0Cols(s); ++c) h = stir(h, intermediate(b, c));
    return h;
  }
};

}  // namespace kerneltwin::explorer
