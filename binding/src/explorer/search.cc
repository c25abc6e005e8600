#include "search.h"

#include "strategies.h"

namespace kerneltwin::explorer {

namespace {

/// Turns a path of fibers into the choices that RecordingChoices would have kept.
class PathChoices final : public Choices {
 public:
  explicit PathChoices(const std::vector<uint32_t>& path) : path_(path) {}
  uint32_t choose(uint32_t) override { return 0; }
  uint32_t move(uint64_t runnable, uint32_t current) override {
    const uint32_t fiber = next_ < path_.size() ? path_[next_++] : fiberAt(runnable, current, 0);
    return runnable >> fiber & 1 ? fiber : fiberAt(runnable, current, 0);
  }

 private:
  const std::vector<uint32_t>& path_;
  size_t next_ = 0;
};

constexpr uint64_t kMaxSteps = 1u << 20;

}  // namespace

/// Random runs, so that the first pass assumes nearly every access that is possible.
void Search::learn() {
  constexpr uint32_t kRuns = 200;
  ReplayChoices none({});
  Random random(1);
  for (uint32_t i = 0; i < kRuns; ++i) {
    world_.start(none, kMaxSteps);
    while (!x_.failed() && x_.runnable() != 0) {
      const auto n = static_cast<uint32_t>(__builtin_popcountll(x_.runnable()));
      move(Choices::fiberAt(x_.runnable(), 0, random.below(n)));
    }
  }
}

SearchResult Search::run(uint64_t maxStates, bool reduce) {
  reduce_ = reduce;
  learn();
  do {
    grown_ = false;
    futures_.close();
    ++result_.passes;
    if (!pass(maxStates)) return result_;
  } while (grown_);
  result_.complete = !result_.failed;
  return result_;
}

bool Futures::note(uint32_t fiber, uint32_t interval, uint32_t writes, Location at, Access access) {
  auto& intervals = of_[fiber];
  if (intervals.size() <= interval) intervals.resize(interval + 1);
  auto& points = intervals[interval].points;
  while (points.size() <= writes) {
    Point& point = points.emplace_back();
    for (uint32_t k = 0; k < 2; ++k) point.noted[k].assign(words_, 0), point.within[k].assign(words_, 0);
  }
  Point& point = points[writes];
  bool assumed = true;
  for (uint32_t k = 0; k < 2; ++k) {
    if ((k == 0 && access == Access::Write) || (k == 1 && access == Access::Read)) continue;
    point.noted[k][at / 64] |= 1ull << (at % 64);
    assumed = assumed && has(point.within[k], at);
  }
  return assumed;
}

void Futures::close() {
  for (auto& intervals : of_) {
    std::vector<uint64_t> after[2] = {std::vector<uint64_t>(words_), std::vector<uint64_t>(words_)};
    for (size_t i = intervals.size(); i-- > 0;) {
      for (uint32_t k = 0; k < 2; ++k) {
        intervals[i].after[k] = after[k];
        std::vector<uint64_t> rest(words_);
        auto& points = intervals[i].points;
        for (size_t p = points.size(); p-- > 0;) {
          for (size_t w = 0; w < words_; ++w) rest[w] |= points[p].noted[k][w];
          points[p].within[k] = rest;
        }
        for (size_t w = 0; w < words_; ++w) after[k][w] |= rest[w];
      }
    }
  }
}

bool Futures::conflicts(uint32_t fiber, uint32_t interval, uint32_t writes, Location at, Access access, bool within) const {
  const auto& intervals = of_[fiber];
  for (uint32_t k = access == Access::Read ? 1 : 0; k < 2; ++k) {
    if (interval >= intervals.size()) continue;
    const Interval& now = intervals[interval];
    if (writes < now.points.size() && has(now.points[writes].within[k], at)) return true;
    if (!within && has(now.after[k], at)) return true;
  }
  return false;
}

/// Fibers that may, before `fiber` moves, make an access that depends on the given one. Fibers of its own rank stay in the
/// running launch until it moves: they wait for it at the launch's end.
uint64_t Search::whoConflicts(uint32_t fiber, Location at, Access access) const {
  const uint32_t perRank = world_.config().fibersPerRank();
  uint64_t who = 0;
  for (uint64_t set = x_.unfinished() & ~(1ull << fiber); set != 0; set &= set - 1) {
    const auto other = static_cast<uint32_t>(__builtin_ctzll(set));
    if (futures_.conflicts(other, x_.rendezvousOf(other), x_.writesOf(other), at, access, other / perRank == fiber / perRank)) {
      who |= 1ull << other;
    }
  }
  return who;
}

/// Who must be tried together with `fiber`.
uint64_t Search::dependents(uint32_t fiber) const {
  if (x_.runnable() >> fiber & 1) {
    const Pending next = x_.pending(fiber);
    return next.access == Access::None ? 0 : whoConflicts(fiber, next.at, next.access);
  }
  if ((x_.asleep() >> fiber & 1) == 0) return x_.missing(fiber);
  uint64_t wakers = 0;
  x_.eachAwaited(fiber, [&](Location at) { wakers |= whoConflicts(fiber, at, Access::Read); });
  return wakers;
}

uint64_t Search::closure(uint32_t seed) const {
  uint64_t set = 1ull << seed;
  uint64_t todo = set;
  while (todo != 0) {
    const auto fiber = static_cast<uint32_t>(__builtin_ctzll(todo));
    todo &= todo - 1;
    const uint64_t more = dependents(fiber) & ~set;
    set |= more;
    todo |= more;
  }
  return set & x_.runnable();
}

/// The smallest persistent set of runnable fibers.
uint64_t Search::persistentSet() const {
  uint64_t best = x_.runnable();
  if (!reduce_) return best;
  for (uint64_t set = x_.runnable(); set != 0; set &= set - 1) {
    const uint64_t candidate = closure(static_cast<uint32_t>(__builtin_ctzll(set)));
    if (__builtin_popcountll(candidate) < __builtin_popcountll(best)) best = candidate;
    if ((best & (best - 1)) == 0) break;
  }
  return best;
}

void Search::move(uint32_t fiber) {
  const Pending next = x_.pending(fiber);
  if (next.access != Access::None) {
    if (!futures_.note(fiber, x_.rendezvousOf(fiber), x_.writesOf(fiber), next.at, next.access)) grown_ = true;
    ++result_.moves;
  }
  if (!next.continues) path_.push_back(fiber);
  x_.resume(fiber);
}

/// Moves while one fiber is enough; stops where several must be tried.
Search::Reached Search::advance(uint64_t& branch) {
  for (;;) {
    if (x_.failed()) return Reached::Failed;
    if (x_.runnable() == 0) {
      if (x_.allFinished()) return Reached::End;
      x_.failOutside("T5", "deadlock: every actor waits for a change that nobody can make");
      return Reached::Failed;
    }
    branch = persistentSet();
    if ((branch & (branch - 1)) != 0) return Reached::Branch;
    move(static_cast<uint32_t>(__builtin_ctzll(branch)));
  }
}

void Search::push(uint64_t branch) {
  if (depth_ == stack_.size()) stack_.emplace_back();
  Node& node = stack_[depth_++];
  world_.save(node.saved);
  node.hash = world_.stateHash();
  node.untried = branch;
  node.schedules = 0;
  node.path = path_.size();
}

void Search::finishNode() {
  const Node& node = stack_[--depth_];
  visited_[node.hash] = node.schedules;
  if (depth_ > 0) stack_[depth_ - 1].schedules += node.schedules;
  else result_.schedules += node.schedules;
}

/// Runs the path again under the ordinary loop, which numbers the choices. It takes runs of plain accesses in one step, so a
/// failure between two of them may turn up as another one; the choices are those of the failure that is reported.
void Search::recordFailure() {
  result_.failed = true;
  result_.failure = x_.failure();
  PathChoices path(path_);
  RecordingChoices recording(path);
  if (world_.run(recording, nullptr, kMaxSteps)) return;
  result_.failure = x_.failure();
  result_.choices = recording.sequence();
}

/// One search under the present assumptions. False: it failed or was cut off.
bool Search::pass(uint64_t maxStates) {
  ReplayChoices none({});
  visited_.clear();
  ends_.clear();
  depth_ = 0;
  path_.clear();
  result_.states = result_.moves = result_.longest = 0;
  result_.schedules = 0;
  world_.start(none, kMaxSteps);
  for (;;) {
    uint64_t branch = 0;
    const Reached reached = advance(branch);
    if (reached == Reached::Failed) {
      recordFailure();
      return false;
    }
    result_.longest = std::max(result_.longest, x_.steps());
    if (reached == Reached::End) ends_.insert(world_.stateHash());
    result_.ends = ends_.size();
    double below = 1;
    bool opened = false;
    if (reached == Reached::Branch) {
      const auto [known, fresh] = visited_.try_emplace(world_.stateHash(), -1.0);
      if (fresh) {
        push(branch);
        opened = true;
        if (++result_.states > maxStates) return false;
      } else {
        below = known->second;
        if (below < 0) {
          x_.failOutside("T5", "livelock: a state comes back in its own future");
          recordFailure();
          return false;
        }
      }
    }
    if (!opened) {
      if (depth_ == 0) {
        result_.schedules += below;
        return true;
      }
      stack_[depth_ - 1].schedules += below;
    }
    while (depth_ > 0 && stack_[depth_ - 1].untried == 0) finishNode();
    if (depth_ == 0) return true;
    Node& node = stack_[depth_ - 1];
    const auto fiber = static_cast<uint32_t>(__builtin_ctzll(node.untried));
    node.untried &= node.untried - 1;
    if (!opened) world_.restore(node.saved);
    path_.resize(node.path);
    move(fiber);
  }
}

}  // namespace kerneltwin::explorer
