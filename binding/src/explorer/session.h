// A world to be run, searched and replayed, behind an interface that knows nothing of the protocol headers: so that the same
// glue serves builds with changed headers.
#pragma once

#include <memory>
#include <string>

#include "report.h"
#include "world_config.h"

namespace kerneltwin::explorer {

class Session {
 public:
  virtual ~Session() = default;
  virtual RunReport run(const RunRequest& request) = 0;
  virtual BatchReport batch(const BatchRequest& request) = 0;
  /// Sequentially consistent worlds with direct stores and whole warps only; for others it sets `problem`.
  virtual SearchResult search(uint64_t maxStates, bool reduce, std::string& problem) = 0;
  virtual uint32_t locations() const = 0;
};

/// Null with `problem` set when the configuration cannot be explored.
std::unique_ptr<Session> openSession(WorldConfig config, std::string& problem);

}  // namespace kerneltwin::explorer
