// What an explored world is made of.
#pragma once

#include <string>
#include <vector>

#include "kerneltwin/layout/shape.h"
#include "kerneltwin/protocol/scheduler.h"
#include "memory.h"

namespace kerneltwin::explorer {

/// How lanes of the scheduler and the subscribers share their warp's words between two syncs. Up, Down: lanes take turns, from the
/// first or from the last, and see what those before them wrote. Views: they see each other's words only after a warp sync.
enum class Lanes { Up, Down, Views };

struct WorldConfig {
  Shape shape;
  std::vector<uint32_t> expertBase;   ///< [ranks + 1]
  uint32_t processors = 1;            ///< per rank
  uint32_t subscribers = 1;           ///< per rank
  uint32_t epochs = 1;
  bool eager = true;
  Scheduling scheduling = Scheduling::Fifo;
  /// Tasks a backlog of the scheduler holds: a power of two, at least `mostTasksOfEntry`. Few, because lanes with views of their own
  /// copy them all, and because only full backlogs leave entries in their queues.
  uint32_t backlog = 64;
  Model model = Model::Weak;
  /// Puts in flight per rank that may overtake each other; 0: direct stores into the peer's memory.
  uint32_t puts = 0;
  Lanes lanes = Lanes::Up;
  /// Rows kept: [epoch][source][expert], flattened.
  std::vector<uint32_t> rows;

  uint32_t keptRows(uint32_t epoch, uint32_t source, uint32_t expert) const {
    return rows[(epoch * shape.ranks + source) * shape.experts + expert];
  }
  uint32_t fibersPerRank() const { return processors + 1 + subscribers + puts; }
};

/// Most tasks that one queue entry can have: the GEMM0 tiles of a cell's row blocks that share an entry, a
/// row block's GEMM1 tiles, or a chunk's run of COMBINE tiles.
uint32_t mostTasksOfEntry(const Shape& s);

/// Returns an empty string, or what is wrong with a configuration.
std::string validate(const WorldConfig& config);

}  // namespace kerneltwin::explorer
