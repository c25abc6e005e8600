// Fibers: one stack per simulated warp, switched by hand. A switch costs about 2 ns on x86-64; other machines use
// ucontext, about 300 ns (it saves the signal mask).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace kerneltwin::explorer {

/// A copy of a suspended fiber, for backtracking: the part of its stack in use, and where it stands.
struct FiberImage {
  std::vector<std::byte> stack;
#if defined(__x86_64__)
  void* sp = nullptr;
#else
  ucontext_t context;
#endif
};

/// A suspended flow of control. `entry(argument)` must never return: it ends by switching away for good.
class Fiber {
 public:
  using Entry = void (*)(void*);

  /// Prepares the fiber to run `entry(argument)` from the start; reuses its stack. Whatever ran on it before is
  /// dropped without unwinding, so code on fibers owns no heap memory.
  void reset(Entry entry, void* argument);

  /// Saves the caller in `from` and continues `to`.
  static void switchTo(Fiber& from, Fiber& to);

  /// Copies a suspended fiber; `restore` puts the copy back into the same fiber, to be continued again.
  void save(FiberImage& out) const;
  void restore(const FiberImage& from);

 private:
  static constexpr size_t kStackBytes = 64 * 1024;
  std::unique_ptr<std::byte[]> stack_;
#if defined(__x86_64__)
  void* sp_ = nullptr;
#else
  ucontext_t context_{};
#endif
};

}  // namespace kerneltwin::explorer
