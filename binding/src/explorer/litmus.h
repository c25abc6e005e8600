// Litmus shapes under the explorer; knows nothing of the protocol headers, as session.h.
#pragma once

#include <string>
#include <vector>

#include "memory.h"
#include "report.h"

namespace kerneltwin::explorer {

struct LitmusRequest {
  uint32_t shape = 0;
  Model model = Model::Weak;
  bool all = false;             ///< every schedule, up to `runs`; else random ones
  uint64_t seed = 0;
  uint64_t runs = 1;
};

struct LitmusReport {
  uint64_t runs = 0;
  bool complete = false;        ///< every schedule was run
  uint64_t forbidden = 0;       ///< schedules with a forbidden outcome, a data race or a deadlock
  Failure first;
};

std::vector<std::string> litmusNames();
LitmusReport runLitmus(const LitmusRequest& request);

}  // namespace kerneltwin::explorer
