// What every hold-model driver shares: the delays, and the count of holds with processor time taken between two of them.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

namespace hold {

/// Delays, exponential with mean 1e9, from one xorshift32 stream: the same numbers in every driver.
inline std::vector<double> delays() {
  std::vector<double> table(1 << 16);
  uint32_t state = 0x9e3779b9u;
  for (double& delay : table) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    delay = std::round(-std::log((state + 1.0) / 4294967297.0) * 1e9);
  }
  return table;
}

/// Counts holds; the first `warm` are not timed.
class Meter {
 public:
  Meter(int argc, char** argv, int first) {
    if (argc != first + 3) {
      std::fprintf(stderr, "expected pending, warm-up holds, timed holds\n");
      std::exit(2);
    }
    pending = std::strtoull(argv[first], nullptr, 10);
    warm_ = std::strtoull(argv[first + 1], nullptr, 10);
    timed_ = std::strtoull(argv[first + 2], nullptr, 10);
  }

  uint64_t pending = 0;

  double next() { return delays_[at_++ & 0xffff]; }

  /// One hold was done. True when it was the last: the result is printed then.
  bool count() {
    ++count_;
    if (count_ == warm_) begin_ = std::clock();
    if (count_ != warm_ + timed_) return false;
    const double seconds = double(std::clock() - begin_) / CLOCKS_PER_SEC;
    std::printf("{\"holds\": %llu, \"cpuSeconds\": %.6f}\n", (unsigned long long)timed_, seconds);
    return true;
  }

 private:
  std::vector<double> delays_ = delays();
  uint32_t at_ = 0;
  uint64_t warm_ = 0, timed_ = 0, count_ = 0;
  std::clock_t begin_ = 0;
};

}  // namespace hold
