// Where choices come from: uniform random, probabilistic concurrency testing, or a recorded sequence.
#pragma once

#include <vector>

#include "memory.h"

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

 private:
  Random random_;
};

/// A recorded sequence; past its end, choice 0. A choice out of range is taken modulo its count, so that every sequence of
/// numbers is a legal run and shrinking may change any of them.
class ReplayChoices final : public Choices {
 public:
  explicit ReplayChoices(std::vector<uint32_t> sequence) : sequence_(std::move(sequence)) {}
  uint32_t choose(uint32_t count) override {
    return next_ < sequence_.size() ? sequence_[next_++] % count : 0;
  }
  size_t used() const { return next_; }

 private:
  std::vector<uint32_t> sequence_;
  size_t next_ = 0;
};

/// Passes choices on and keeps them.
class RecordingChoices final : public Choices {
 public:
  explicit RecordingChoices(Choices& from) : from_(from) {}
  uint32_t choose(uint32_t count) override {
    sequence_.push_back(from_.choose(count));
    return sequence_.back();
  }
  const std::vector<uint32_t>& sequence() const { return sequence_; }

 private:
  Choices& from_;
  std::vector<uint32_t> sequence_;
};

}  // namespace kerneltwin::explorer
