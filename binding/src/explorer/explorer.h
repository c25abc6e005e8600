// Runs fibers one shared access at a time. Every choice - who moves, which message a weak load reads - comes from one
// sequence, so a run can be replayed and a failing sequence shrunk.
//
// A spin loop is an await: a fiber whose poll failed sleeps until a location it read has a newer message. So polling costs no
// steps, a world in which everybody sleeps is a deadlock (found, not timed out), and no schedule is unfair to a poller.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fiber.h"
#include "memory.h"

namespace kerneltwin::explorer {

inline constexpr uint32_t kMaxFibers = 64;

/// Why a run stopped before its end.
struct Failure {
  std::string invariant;  ///< ID of docs/reference/invariants.md
  std::string message;
  uint64_t step = 0;
};

class Explorer {
 public:
  Explorer(Model model, uint32_t fibers) : memory(model, fibers), count_(fibers), fibers_(fibers), waits_(fibers) {}

  Memory memory;

  /// Runs `body(argument, fiber)` on every fiber to its end or to the first failure.
  using Body = void (*)(void* argument, uint32_t fiber);
  bool run(Body body, void* argument, Choices& choices, uint64_t maxSteps);

  const Failure& failure() const { return failure_; }
  bool failed() const { return failed_; }
  uint64_t steps() const { return steps_; }
  Choices& choices() { return *choices_; }

  // Called on fibers.

  /// A point where another fiber may move: before every shared access.
  void step();
  /// Stops the run. Does not return.
  [[noreturn]] void fail(const char* invariant, std::string message);
  void beginPoll(uint32_t fiber);
  /// Notes that the running poll read `at`.
  void sawInPoll(uint32_t fiber, Location at);
  /// After a failed poll: sleeps until something it read has changed.
  void awaitChange(uint32_t fiber);
  /// Wakes the fibers that wait for `at`.
  void changed(Location at);
  /// Waits until all fibers of `group` (a bit mask) are here; then they have seen what the others had.
  void rendezvous(uint32_t fiber, uint64_t group);

 private:
  struct Wait {
    bool polling = false;
    std::vector<std::pair<Location, Time>> reads;
  };

  static void enter(void* argument);
  uint32_t pick();
  void moveOn(uint32_t from);
  void finish();

  uint32_t count_;
  std::vector<Fiber> fibers_;
  std::vector<Wait> waits_;
  std::vector<uint64_t> waiters_;  ///< [location] fibers asleep on it
  Fiber main_;
  uint64_t runnable_ = 0;
  uint64_t finished_ = 0;
  uint64_t asleep_ = 0;            ///< in awaitChange
  uint64_t arrived_ = 0;
  uint32_t current_ = 0;
  uint64_t steps_ = 0;
  uint64_t maxSteps_ = 0;
  bool failed_ = false;
  Failure failure_;
  Choices* choices_ = nullptr;
  Body body_ = nullptr;
  void* argument_ = nullptr;
};

}  // namespace kerneltwin::explorer
