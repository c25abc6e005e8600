// Shared memory of an explored world: sequentially consistent, or weak with views and scopes.
//
// Weak model: a location is a list of messages in modification order. A thread's view says, per location, the oldest
// message it may still read. A release store (or a relaxed one after a release fence) attaches the writer's view to its
// message; an acquire load (or an acquire fence after a relaxed load) joins it, if the two accesses are morally strong: each
// one's scope includes the other's thread. Read-modify-writes read the last message and extend its release sequence.
// New messages go to the end of the modification order and reads never look ahead, so load buffering and store-store
// reordering to one location are not explored; everything the protocol's own bugs M12-M16 need is.
//
// Payload (tiles, rows) is plain memory: a read that is not ordered after the last write is a data race, reported at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kerneltwin/protocol/policy.h"

namespace kerneltwin::explorer {

enum class Model { SequentiallyConsistent, Weak };

using Location = uint16_t;
using Time = uint16_t;

/// Where a thread sits: decides which scopes include which other threads.
struct ThreadPlace {
  uint16_t rank;
  uint16_t block;
};

/// A source of choices: which message to read, which fiber to run.
class Choices {
 public:
  virtual ~Choices() = default;
  /// A number below `count`; called only with count >= 2.
  virtual uint32_t choose(uint32_t count) = 0;
};

class Memory {
 public:
  Memory(Model model, uint32_t threads) : model_(model), threads_(threads) {}

  /// Reserves `count` locations and returns the first. All are reserved before the first `reset`.
  Location allocate(uint32_t count);

  /// Value a location holds at the start; zero unless set.
  void setInitial(Location at, uint64_t value);

  /// Back to the initial state, which every thread has seen.
  void reset();

  void place(uint32_t thread, ThreadPlace where) { state_[thread].where = where; }

  uint64_t load(uint32_t thread, Location at, Order order, Scope scope, Choices& choices);
  void store(uint32_t thread, Location at, uint64_t value, Order order, Scope scope);
  /// Replaces the last value by `change(last)`; returns the value before.
  template <class F>
  uint64_t update(uint32_t thread, Location at, Order order, Scope scope, F change) {
    const uint64_t before = readLast(thread, at, order, scope);
    write(thread, at, change(before), order, scope, true);
    return before;
  }
  void fence(uint32_t thread, Order order);

  /// Plain accesses. False: a data race (the thread has not seen the last write).
  bool readPlain(uint32_t thread, Location at, uint64_t& value);
  bool writePlain(uint32_t thread, Location at, uint64_t value);

  /// Everything `from` has seen becomes visible to `to`: a block barrier, a kernel's end and start.
  void join(uint32_t from, uint32_t to);

  /// The last value written, as an observer outside the world sees it.
  uint64_t peek(Location at) const { return value_[at]; }
  /// Messages written to a location so far.
  Time version(Location at) const { return model_ == Model::Weak ? lastTime(at) : version_[at]; }
  /// The newest message of `at` that `thread` has seen.
  Time seen(uint32_t thread, Location at) const {
    return model_ == Model::Weak ? state_[thread].current[at] : version_[at];
  }
  /// While set, loads of `thread` read the newest message: how a failed poll makes progress.
  void readNewest(uint32_t thread, bool on) { state_[thread].newest = on; }

  uint32_t locations() const { return count_; }

 private:
  struct Message {
    uint64_t value;
    int32_t view;    ///< index into views_, or -1: carries nothing but its own time
    uint16_t thread;
    uint8_t scope;
  };
  struct Thread {
    ThreadPlace where{0, 0};
    bool newest = false;
    std::vector<Time> current;
    std::vector<Time> acquired;  ///< joined into `current` by an acquire fence
    std::vector<Time> released;  ///< `current` as of the last release fence
    bool hasAcquired = false;
    bool hasReleased = false;
  };

  Time lastTime(Location at) const { return static_cast<Time>(messages_[at].size()); }
  bool stronglyOrdered(const Thread& reader, Scope scope, const Message& message) const;
  uint64_t readAt(uint32_t thread, Location at, Time time, Order order, Scope scope);
  uint64_t readLast(uint32_t thread, Location at, Order order, Scope scope);
  void write(uint32_t thread, Location at, uint64_t value, Order order, Scope scope, bool update);
  int32_t newView(const std::vector<Time>& from);
  void joinInto(std::vector<Time>& to, const Time* from) const;

  Model model_;
  uint32_t threads_;
  uint32_t count_ = 0;
  std::vector<uint64_t> initial_;
  std::vector<uint64_t> value_;
  std::vector<Time> version_;
  std::vector<std::vector<Message>> messages_;  ///< time t is messages_[at][t - 1]; time 0 is the initial value
  std::vector<Location> touched_;               ///< locations to clear on reset
  std::vector<Time> views_;
  size_t viewsUsed_ = 0;
  std::vector<Thread> state_;
};

}  // namespace kerneltwin::explorer
