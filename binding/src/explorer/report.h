// What runs and searches tell: plain data, free of the protocol headers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kerneltwin::explorer {

/// Why a run stopped before its end.
struct Failure {
  std::string invariant;  ///< ID of docs/reference/invariants.md
  std::string message;
  uint64_t step = 0;
};

/// One event as the explorer records it; the time is the step count. `kind`: EventKind of trace/record.h.
struct Event {
  uint64_t step;
  uint32_t launch;
  uint16_t rank;
  uint32_t actor;
  uint8_t kind;
  uint16_t aux;
  uint32_t a;
  uint32_t b;
};

enum class Strategy { Random, Pct, Replay };

struct RunRequest {
  Strategy strategy = Strategy::Random;
  uint64_t seed = 0;
  uint64_t index = 0;                 ///< run of a batch with this seed
  std::vector<uint32_t> choices;      ///< Replay
  uint32_t depth = 3;                 ///< Pct: bug depth
  uint64_t maxSteps = 1u << 20;
  bool keepChoices = false;
  bool keepEvents = false;
  bool keepDigests = false;
  bool keepAccesses = false;
};

struct RunReport {
  bool failed = false;
  Failure failure;
  uint64_t steps = 0;
  std::vector<uint32_t> choices;
  std::vector<Event> events;
  std::vector<uint32_t> digests;      ///< one an access
  std::vector<uint32_t> accesses;     ///< five words an access: fiber, Access, location, low and high half
};

struct BatchRequest {
  Strategy strategy = Strategy::Random;
  uint64_t seed = 0;
  uint64_t first = 0;                 ///< index of the first run
  uint64_t runs = 1;
  uint32_t depth = 3;
  uint64_t maxSteps = 1u << 20;
  std::string until;                  ///< stops at the first failure of this invariant; empty: at any; "never"
};

/// How often an invariant failed in a batch, and the first run that failed it.
struct FailureCount {
  Failure first;
  uint64_t firstRun;
  uint64_t count;
};

struct BatchReport {
  uint64_t runs = 0;
  uint64_t steps = 0;
  std::vector<FailureCount> failures;
};

struct SearchResult {
  bool complete = false;          ///< every reachable state was judged
  uint64_t states = 0;            ///< distinct states at which more than one fiber was tried
  uint64_t moves = 0;             ///< accesses executed in the last pass
  uint64_t ends = 0;              ///< distinct states in which every actor has left
  uint64_t passes = 0;            ///< searches until no access was new
  double schedules = 0;           ///< complete paths through the reduced graph
  uint64_t longest = 0;           ///< steps of the longest path
  bool failed = false;
  Failure failure;
  std::vector<uint32_t> choices;  ///< of the failing run, as ReplayChoices takes them
};

}  // namespace kerneltwin::explorer
