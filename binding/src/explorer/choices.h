// Choices a run makes: which fiber moves, which message a weak load reads. All of a run's freedom is here, so that a run can
// be replayed and a failing sequence shrunk.
#pragma once

#include <cstdint>

namespace kerneltwin::explorer {

/// Set bits, without a call: the baseline x86-64 has no instruction for it.
inline uint32_t bitsOf(uint64_t x) {
  x -= x >> 1 & 0x5555555555555555ull;
  x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
  return static_cast<uint32_t>(((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull >> 56);
}

class Choices {
 public:
  virtual ~Choices() = default;
  /// A number below `count`; called only with count >= 2. 0 is the tamest choice: the newest message.
  virtual uint32_t choose(uint32_t count) = 0;
  /// The fiber of the bit set `runnable` (not empty) that moves next, after `current`.
  virtual uint32_t move(uint64_t runnable, uint32_t current) {
    return (runnable & (runnable - 1)) != 0 ? fiberAt(runnable, current, choose(bitsOf(runnable)))
                                            : static_cast<uint32_t>(__builtin_ctzll(runnable));
  }

  /// The `k`-th runnable fiber counted from `current` up and around. Choice 0 is "the same again" while it can move, so that
  /// a shrunk sequence has few context switches.
  static uint32_t fiberAt(uint64_t runnable, uint32_t current, uint32_t k) {
    const uint64_t upper = runnable & (~0ull << current);
    const uint32_t above = bitsOf(upper);
    uint64_t set = upper;
    if (k >= above) {
      k -= above;
      set = runnable & ~upper;
    }
    while (k-- > 0) set &= set - 1;
    return static_cast<uint32_t>(__builtin_ctzll(set));
  }

  /// Inverse of fiberAt.
  static uint32_t placeOf(uint64_t runnable, uint32_t current, uint32_t fiber) {
    const uint64_t upper = runnable & (~0ull << current);
    const uint64_t below = (1ull << fiber) - 1;
    return fiber >= current ? bitsOf(upper & below) : bitsOf(upper) + bitsOf(runnable & ~upper & below);
  }
};

}  // namespace kerneltwin::explorer
