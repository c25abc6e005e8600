// What routing must give, computed the slow, obvious way on the host: rows in token order, drops by capacity.
#pragma once

#include <cstdint>
#include <vector>

#include "kerneltwin/actors/launch_args.h"

namespace kerneltwin {

/// Row of every choice, [tokens][topK], kDropped where the expert already has `keep` rows.
inline std::vector<uint32_t> placeInTokenOrder(const std::vector<uint32_t>& choices, uint32_t experts, uint32_t keep) {
  std::vector<uint32_t> rows(choices.size());
  std::vector<uint32_t> next(experts, 0);
  for (size_t i = 0; i < choices.size(); ++i) {
    const uint32_t row = next[choices[i]]++;
    rows[i] = row < keep ? row : kDropped;
  }
  return rows;
}

}  // namespace kerneltwin
