// What an explored world is made of.
#pragma once

#include <string>
#include <vector>

#include "kerneltwin/layout/shape.h"
#include "memory.h"

namespace kerneltwin::explorer {

struct WorldConfig {
  Shape shape;
  std::vector<uint32_t> expertBase;   ///< [ranks + 1]
  uint32_t processors = 1;            ///< per rank
  uint32_t subscribers = 1;           ///< per rank
  uint32_t epochs = 1;
  bool eager = true;
  Model model = Model::Weak;
  /// Puts in flight per rank that may overtake each other; 0: direct stores into the peer's memory.
  uint32_t puts = 0;
  /// The scheduler's and subscribers' lanes see each other's words only after a warp sync.
  bool laneViews = false;
  /// Rows kept: [epoch][source][expert], flattened.
  std::vector<uint32_t> rows;

  uint32_t keptRows(uint32_t epoch, uint32_t source, uint32_t expert) const {
    return rows[(epoch * shape.ranks + source) * shape.experts + expert];
  }
  uint32_t fibersPerRank() const { return processors + 1 + subscribers + puts; }
};

/// Returns an empty string, or what is wrong with a configuration.
std::string validate(const WorldConfig& config);

}  // namespace kerneltwin::explorer
