// Runs fibers one shared access at a time. Every choice - who moves, which message a weak load reads - comes from one
// sequence, so a run can be replayed and a failing sequence shrunk.
//
// A spin loop is an await: a fiber whose poll failed sleeps until a location it read has a newer message. So polling costs no
// steps, a world in which everybody sleeps is a deadlock (found, not timed out), and no schedule is unfair to a poller. A world
// that comes back to a state it was in, though actors move, is a livelock.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "fiber.h"
#include "memory.h"
#include "report.h"

namespace kerneltwin::explorer {

inline constexpr uint32_t kMaxFibers = 64;

/// Steps after which a run is watched for a livelock. Runs of the worlds in use take a few thousand, of the largest up to 80,000.
inline constexpr uint64_t kWatchFrom = 1u << 16;

enum class Access : uint8_t { None = 0, Read = 1, Write = 2, Update = 3 };

/// What a suspended fiber will do first when it moves.
struct Pending {
  Location at = 0;
  Access access = Access::None;
  bool continues = false;   ///< a run of plain accesses, which an ordinary run takes in one step
};

/// What a run looks like from inside, for state identities; implemented by the world.
class PrivateState {
 public:
  virtual ~PrivateState() = default;
  /// Hash of all a fiber holds outside shared memory at the start of a poll. `lastRead`: hash of what its last successful
  /// poll read.
  virtual uint64_t privateHash(uint32_t fiber, uint64_t lastRead) const = 0;
};

class Explorer {
 public:
  Explorer(Model model, uint32_t fibers) : memory(model, fibers), count_(fibers), fibers_(fibers), waits_(fibers), pending_(fibers) {}

  Memory memory;

  /// Runs `body(argument, fiber)` on every fiber to its end or to the first failure. With `privateState`, a run that is far
  /// longer than others is watched for a state that comes back: a livelock.
  using Body = void (*)(void* argument, uint32_t fiber);
  bool run(Body body, void* argument, Choices& choices, uint64_t maxSteps, const PrivateState* privateState = nullptr);

  /// Starts a run that the caller drives: `resume(f)` moves a runnable fiber by one access.
  void start(Body body, void* argument, Choices& choices, uint64_t maxSteps, const PrivateState& privateState);
  void resume(uint32_t fiber);
  uint64_t runnable() const { return runnable_; }
  uint64_t asleep() const { return asleep_; }
  bool allFinished() const { return finished_ == all(); }
  uint64_t unfinished() const { return all() & ~finished_; }
  Pending pending(uint32_t fiber) const { return pending_[fiber]; }
  /// How far a fiber has come: rendezvous passed, and writes since the last. Never goes back.
  uint32_t rendezvousOf(uint32_t fiber) const { return local_[fiber].rendezvous; }
  uint32_t writesOf(uint32_t fiber) const { return local_[fiber].writes; }
  /// Fibers that a fiber at a rendezvous waits for.
  uint64_t missing(uint32_t fiber) const { return groups_[fiber] & ~arrived_; }
  /// Locations a sleeping fiber waits for.
  template <class F>
  void eachAwaited(uint32_t fiber, F f) const {
    for (const auto& read : waits_[fiber].reads) f(read.first);
  }
  /// Identity of the state: memory, who waits where, and what each fiber holds. Driven runs only.
  uint64_t stateHash() const;
  /// Ends a driven run with a failure that no fiber could see.
  void failOutside(const char* invariant, std::string message);

  const Failure& failure() const { return failure_; }
  bool failed() const { return failed_; }
  uint64_t steps() const { return steps_; }
  uint32_t fibers() const { return count_; }
  Choices& choices() { return *choices_; }

  /// Appends a digest of every access to `digests` from the next run on; null: none.
  void keepDigests(std::vector<uint32_t>* digests) { digests_ = digests; }
  /// Likewise five words an access: fiber, access, location, low and high half of the value.
  void keepAccesses(std::vector<uint32_t>* accesses) { accesses_ = accesses; }

  // Called on fibers.

  /// A point where another fiber may move: before every shared access.
  void step(Location at, Access access, bool continues = false) {
    if (++steps_ > patience_) outOfPatience();
    inPlain_ &= ~(1ull << current_);
    if (driven_) {
      pending_[current_] = {at, access, continues};
      Fiber::switchTo(fibers_[current_], main_);
      return;
    }
    const uint32_t from = current_;
    const uint32_t next = choices_->move(runnable_, from);
    if (next == from) return;
    current_ = next;
    Fiber::switchTo(fibers_[from], fibers_[next]);
  }
  /// The same before a plain access. A run of plain accesses is one step: nothing orders another actor's access between two
  /// of them that would not also allow it before or after both. A driven run takes them singly, because its reduction must
  /// know every access beforehand.
  void stepPlain(Location at, Access access) {
    const bool continues = (inPlain_ >> current_ & 1) != 0;
    if (!driven_ && continues) return;
    step(at, access, continues);
    inPlain_ |= 1ull << current_;
  }
  /// After an access: what was read or written.
  void note(uint32_t fiber, Location at, Access access, uint64_t value) {
    if (observed_) observe(fiber, at, access, value);
  }
  /// Stops the run. Does not return.
  [[noreturn]] void fail(const char* invariant, std::string message);
  void beginPoll(uint32_t fiber);
  /// Notes that the running poll read `at`.
  void sawInPoll(uint32_t fiber, Location at) {
    if (waits_[fiber].polling) waits_[fiber].reads.emplace_back(at, memory.seen(fiber, at));
  }
  void endPoll(uint32_t fiber);
  /// After a failed poll: sleeps until something it read has changed.
  void awaitChange(uint32_t fiber);
  /// Wakes the fibers that wait for `at`.
  void changed(Location at) {
    // A fiber woken elsewhere may still be listed here, and may by now wait at a rendezvous: that is none of our business.
    const uint64_t woken = waiters_[at] & asleep_;
    waiters_[at] = 0;
    if (woken == 0) return;
    runnable_ |= woken;
    asleep_ &= ~woken;
  }
  /// Waits until all fibers of `group` (a bit mask) are here; then they have seen what the others had.
  void rendezvous(uint32_t fiber, uint64_t group);

  /// Everything a driven, sequentially consistent run can change, for backtracking.
  struct Saved;
  void save(Saved& out) const;
  void restore(const Saved& from);

 private:
  struct Wait {
    bool polling = false;
    std::vector<std::pair<Location, Time>> reads;
  };
  /// Identity of what a fiber holds: its private state at the last poll's start, and what it has read since.
  struct Local {
    uint64_t hash = 0;
    uint64_t inPoll = 0;
    uint64_t lastRead = 0;
    uint32_t polls = 0;
    uint32_t rendezvous = 0;
    uint32_t writes = 0;
  };

  static void enter(void* argument);
  uint64_t all() const { return count_ == 64 ? ~0ull : (1ull << count_) - 1; }
  void prepare(Body body, void* argument, Choices& choices, uint64_t maxSteps);
  void identify(uint32_t fiber);
  void observe(uint32_t fiber, Location at, Access access, uint64_t value);
  void moveOn(uint32_t from);
  void finish();
  void outOfPatience();
  void seekRecurrence(uint32_t fiber);

  uint32_t count_;
  std::vector<Fiber> fibers_;
  std::vector<Wait> waits_;
  std::vector<uint64_t> waiters_;  ///< [location] fibers asleep on it
  std::vector<Pending> pending_;
  std::vector<Local> local_;
  std::vector<uint64_t> groups_;   ///< [fiber] members of its last rendezvous
  Fiber main_;
  uint64_t runnable_ = 0;
  uint64_t finished_ = 0;
  uint64_t asleep_ = 0;            ///< in awaitChange
  uint64_t arrived_ = 0;
  uint64_t inPlain_ = 0;           ///< last stepped for a plain access
  uint32_t current_ = 0;
  uint64_t steps_ = 0;
  uint64_t maxSteps_ = 0;
  uint64_t patience_ = 0;          ///< steps until the run is watched, then until it is given up
  bool watched_ = false;
  uint64_t mark_ = 0;              ///< state that a watched run may come back to
  uint64_t markedAt_ = 0;          ///< its step
  uint32_t markedBy_ = 0;          ///< who began a poll in it: another may begin one before anybody has made an access
  uint64_t lap_ = 0;               ///< polls until the mark moves on
  uint64_t nextLap_ = 0;
  bool failed_ = false;
  bool driven_ = false;
  bool observed_ = false;
  uint32_t digest_ = 0;
  std::vector<uint32_t>* digests_ = nullptr;
  std::vector<uint32_t>* accesses_ = nullptr;
  const PrivateState* privateState_ = nullptr;
  Failure failure_;
  Choices* choices_ = nullptr;
  Body body_ = nullptr;
  void* argument_ = nullptr;

 public:
  struct Saved {
    Memory::Saved memory;
    std::vector<FiberImage> fibers;
    std::vector<Wait> waits;
    std::vector<uint64_t> waiters;
    std::vector<Pending> pending;
    std::vector<Local> local;
    uint64_t runnable, finished, asleep, arrived, inPlain, steps;
    uint32_t current;
  };
};

}  // namespace kerneltwin::explorer
