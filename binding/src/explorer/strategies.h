// Where choices come from: uniform random, probabilistic concurrency testing, a recorded sequence, or all of them in turn.
#pragma once

#include <utility>
#include <vector>

#include "choices.h"

namespace kerneltwin::explorer {

/// splitmix64: one multiply-shift chain a draw.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  /// Below `count`; the bias of count / 2^32 does not matter for exploring.
  uint32_t below(uint32_t count) { return static_cast<uint32_t>((next() >> 32) * count >> 32); }

 private:
  uint64_t state_;
};

/// Uniform choices.
class RandomChoices final : public Choices {
 public:
  explicit RandomChoices(uint64_t seed) : random_(seed) {}
  uint32_t choose(uint32_t count) override { return random_.below(count); }
  /// As the base class does, without a second virtual call.
  uint32_t move(uint64_t runnable, uint32_t current) override {
    if ((runnable & (runnable - 1)) == 0) return static_cast<uint32_t>(__builtin_ctzll(runnable));
    return fiberAt(runnable, current, random_.below(bitsOf(runnable)));
  }

 private:
  Random random_;
};

/// Probabilistic concurrency testing: the runnable fiber of highest priority moves; priorities are random, and at depth - 1
/// random moves the fiber that is about to move falls below all others. A failure that needs `depth` ordering constraints
/// among `fibers` fibers in a run of at most `moves` moves is found with probability at least
/// 1 / (fibers * moves^(depth - 1)) a run; fair, because a failed poll sleeps and so cannot hold the highest priority for ever.
/// Weak loads read the newest message half of the time, else any.
class PctChoices final : public Choices {
 public:
  PctChoices(uint64_t seed, uint32_t fibers, uint32_t depth, uint32_t moves) : random_(seed), priority_(fibers) {
    for (uint32_t i = 0; i < fibers; ++i) priority_[i] = depth + i;
    for (uint32_t i = fibers; i > 1; --i) std::swap(priority_[i - 1], priority_[random_.below(i)]);
    for (uint32_t d = 1; d < depth; ++d) changes_.push_back({random_.below(moves), depth - d});
  }
  uint32_t choose(uint32_t count) override {
    const uint64_t bits = random_.next();
    return bits & 1 ? 0 : static_cast<uint32_t>((bits >> 32) * count >> 32);
  }
  uint32_t move(uint64_t runnable, uint32_t) override {
    uint32_t best = highest(runnable);
    for (const auto& [at, priority] : changes_) {
      if (at != moves_) continue;
      priority_[best] = priority;
      best = highest(runnable);
    }
    ++moves_;
    return best;
  }

 private:
  uint32_t highest(uint64_t set) const {
    auto best = static_cast<uint32_t>(__builtin_ctzll(set));
    for (uint64_t rest = set & (set - 1); rest != 0; rest &= rest - 1) {
      const auto f = static_cast<uint32_t>(__builtin_ctzll(rest));
      if (priority_[f] > priority_[best]) best = f;
    }
    return best;
  }

  Random random_;
  std::vector<uint32_t> priority_;
  std::vector<std::pair<uint32_t, uint32_t>> changes_;  ///< move, new priority
  uint32_t moves_ = 0;
};

/// A recorded sequence; past its end, choice 0. A choice out of range is taken modulo its count, so that every sequence of
/// numbers is a legal run and shrinking may change any of them.
class ReplayChoices final : public Choices {
 public:
  explicit ReplayChoices(std::vector<uint32_t> sequence) : sequence_(std::move(sequence)) {}
  uint32_t choose(uint32_t count) override {
    return next_ < sequence_.size() ? sequence_[next_++] % count : 0;
  }

 private:
  std::vector<uint32_t> sequence_;
  size_t next_ = 0;
};

/// Passes choices on and keeps them, as ReplayChoices takes them.
class RecordingChoices final : public Choices {
 public:
  explicit RecordingChoices(Choices& from) : from_(from) {}
  uint32_t choose(uint32_t count) override {
    sequence_.push_back(from_.choose(count));
    return sequence_.back();
  }
  uint32_t move(uint64_t runnable, uint32_t current) override {
    const uint32_t fiber = from_.move(runnable, current);
    if ((runnable & (runnable - 1)) != 0) sequence_.push_back(placeOf(runnable, current, fiber));
    return fiber;
  }
  const std::vector<uint32_t>& sequence() const { return sequence_; }

 private:
  Choices& from_;
  std::vector<uint32_t> sequence_;
};

/// Every sequence once, in lexicographic order: the last choice that has alternatives left moves on, later ones start again.
class AllChoices final : public Choices {
 public:
  uint32_t choose(uint32_t count) override {
    if (next_ == taken_.size()) taken_.push_back({0, count});
    return taken_[next_++].first;
  }
  /// Goes to the next sequence; false when all have been given.
  bool advance() {
    while (!taken_.empty() && taken_.back().first + 1 == taken_.back().second) taken_.pop_back();
    if (taken_.empty()) return false;
    ++taken_.back().first;
    next_ = 0;
    return true;
  }

 private:
  std::vector<std::pair<uint32_t, uint32_t>> taken_;  ///< choice, its count
  size_t next_ = 0;
};

}  // namespace kerneltwin::explorer
