// Exhaustive search of a world's states under sequential consistency, with partial-order reduction.
//
// Depth first over states; a state is identified by a 64-bit hash of shared memory, of what every fiber holds privately and
// of who waits where. At each state a persistent set of fibers is enough: fibers outside it can do nothing, before the set
// moves, that depends on the set's next accesses. What a fiber may still access is learned (Futures): when the search meets an
// access it had not assumed possible, it starts again with the larger assumption, until none is new. The state graph has no
// cycles that a reduction could hide behind: a failed poll sleeps, and epochs end.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "world.h"

namespace kerneltwin::explorer {

/// What each fiber may access from a point of its life on: learned per rendezvous interval and number of writes made in it.
class Futures {
 public:
  Futures(uint32_t fibers, uint32_t locations) : words_((locations + 63) / 64), of_(fibers) {}

  /// Notes an access; false: it had not been assumed.
  bool note(uint32_t fiber, uint32_t interval, uint32_t writes, Location at, Access access);
  /// Makes what was noted the assumption.
  void close();
  /// May the fiber, that far come, still access `at` so that an access of the given kind depends on it? `within`: before its
  /// next rendezvous.
  bool conflicts(uint32_t fiber, uint32_t interval, uint32_t writes, Location at, Access access, bool within) const;

 private:
  struct Point {
    std::vector<uint64_t> noted[2];   ///< reads, writes at this point
    std::vector<uint64_t> within[2];  ///< from here to the next rendezvous
  };
  struct Interval {
    std::vector<Point> points;        ///< [writes made]
    std::vector<uint64_t> after[2];   ///< in all later intervals
  };
  bool has(const std::vector<uint64_t>& set, Location at) const { return !set.empty() && (set[at / 64] >> (at % 64) & 1) != 0; }

  size_t words_;
  std::vector<std::vector<Interval>> of_;
};

class Search {
 public:
  explicit Search(World& world) : world_(world), x_(world.explorer()), futures_(x_.fibers(), x_.memory.locations()) {}

  /// Stops at `maxStates` states with `complete` false. Without `reduce` every runnable fiber is tried at every state: to
  /// check the reduction on small worlds.
  SearchResult run(uint64_t maxStates, bool reduce = true);

 private:
  struct Node {
    World::Saved saved;
    uint64_t hash;
    uint64_t untried;
    double schedules;
    size_t path;               ///< length of path_ at the node
  };
  enum class Reached { Branch, End, Failed };

  void learn();
  bool pass(uint64_t maxStates);
  Reached advance(uint64_t& branch);
  void move(uint32_t fiber);
  uint64_t persistentSet() const;
  uint64_t closure(uint32_t seed) const;
  uint64_t dependents(uint32_t fiber) const;
  uint64_t whoConflicts(uint32_t fiber, Location at, Access access) const;
  void push(uint64_t branch);
  void finishNode();
  void recordFailure();

  World& world_;
  Explorer& x_;
  SearchResult result_;
  Futures futures_;
  bool grown_ = false;
  bool reduce_ = true;
  std::unordered_set<uint64_t> ends_;
  std::unordered_map<uint64_t, double> visited_;   ///< state: schedules below it; negative: still open
  std::vector<Node> stack_;
  size_t depth_ = 0;
  std::vector<uint32_t> path_;      ///< fibers moved so far
};

}  // namespace kerneltwin::explorer
