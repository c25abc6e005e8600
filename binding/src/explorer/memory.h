// Shared memory of an explored world: sequentially consistent, or weak with views and scopes.
//
// Weak model: a location is a list of messages in modification order. A thread's view says, per location, the oldest
// message it may still read. A release store (or a relaxed one after a release fence) attaches the writer's view to its
// message; an acquire load (or an acquire fence after a relaxed load) joins it, if the two accesses are morally strong: each
// one's scope (and its fence's) includes the other's thread. Read-modify-writes read the last message and extend its release
// sequence. New messages go to the end of the modification order and reads never look ahead, so load buffering and
// store-store reordering to one location are not explored (docs/reference/memory-model.md says why that is enough here).
//
// Payload (tiles, rows) is plain memory: a read that is not ordered after the last write, or a write that is not ordered
// after the last write and all reads of it, is a data race and reported at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "choices.h"
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

/// What is wrong with a plain access.
enum class Race : uint8_t { None, WriteUnseen, ReadUnseen };

class Memory {
 public:
  Memory(Model model, uint32_t threads);

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
  void fence(uint32_t thread, Order order, Scope scope);

  Race readPlain(uint32_t thread, Location at, uint64_t& value);
  Race writePlain(uint32_t thread, Location at, uint64_t value);
  /// True when `thread` has seen the last write of `at`: it may read it as plain memory.
  bool ordered(uint32_t thread, Location at) const {
    return model_ == Model::SequentiallyConsistent || state_[thread].current[at] == lastTime(at);
  }

  /// Everything `from` has seen becomes visible to `to`: a block barrier, a kernel's end and start.
  void join(uint32_t from, uint32_t to);
  /// What a thread has seen, to be given to another one that acts for it.
  const std::vector<Time>& view(uint32_t thread) const { return state_[thread].current; }
  void setView(uint32_t thread, const std::vector<Time>& view);

  /// The last value written, as an observer outside the world sees it.
  uint64_t peek(Location at) const { return value_[at]; }
  /// Messages written to a location so far.
  Time version(Location at) const { return version_[at]; }
  /// The newest message of `at` that `thread` has seen.
  Time seen(uint32_t thread, Location at) const {
    return model_ == Model::Weak ? state_[thread].current[at] : version_[at];
  }
  /// While set, loads of `thread` read the newest message: how a failed poll makes progress.
  void readNewest(uint32_t thread, bool on) { state_[thread].newest = on; }

  uint32_t locations() const { return count_; }
  Model model() const { return model_; }
  /// A word was written more often than times can count: the run is too long to be judged.
  bool overflowed() const { return overflowed_; }

  /// Keeps hashes of the values of all locations up to date from the next reset on.
  void keepHashes(bool on) { hashing_ = on; }
  uint32_t hash32() const { return hash32_; }
  uint64_t hash64() const { return hash64_; }

  /// Hash of the values that each thread's loads can find, computed afresh: of the newest messages of every location, equal
  /// neighbours taken together, without the views that they carry, and of who must read the newest.
  uint64_t contentHash() const;

  /// The part of the state a sequentially consistent run can change, for backtracking.
  struct Saved {
    std::vector<uint64_t> value;
    std::vector<Time> version;
    std::vector<Location> touched;
    uint32_t hash32;
    uint64_t hash64;
  };
  void save(Saved& out) const;
  void restore(const Saved& from);

 private:
  static constexpr uint32_t kScopes = 3;
  struct Message {
    uint64_t value;
    int32_t view;    ///< index into views_, or -1: carries nothing but its own time
    uint16_t thread;
    uint8_t scope;   ///< narrowest of the store's and its release fence's
  };
  struct Thread {
    ThreadPlace where{0, 0};
    bool newest = false;
    uint8_t hasAcquired = 0;                ///< bit per scope class
    uint8_t hasReleased = 0;
    std::vector<Time> current;
    std::vector<Time> acquired[kScopes];    ///< joined into `current` by an acquire fence of at least that scope
    std::vector<Time> released[kScopes];    ///< `current` as of the last release fence of that scope or a wider one
  };

  Time lastTime(Location at) const { return version_[at]; }
  bool stronglyOrdered(const Thread& reader, Scope scope, const Message& message) const;
  uint64_t readAt(uint32_t thread, Location at, Time time, Order order, Scope scope);
  uint64_t readLast(uint32_t thread, Location at, Order order, Scope scope);
  void write(uint32_t thread, Location at, uint64_t value, Order order, Scope scope, bool update);
  int32_t releaseView(const Thread& t, Order order, Scope& scope);
  void rehash(Location at, uint64_t before, uint64_t after);
  int32_t newView(const std::vector<Time>& from);
  void joinInto(std::vector<Time>& to, const Time* from) const;
  Location readMarker(uint32_t thread) const { return static_cast<Location>(count_ + thread); }

  Model model_;
  uint32_t threads_;
  uint32_t count_ = 0;
  uint32_t width_ = 0;                          ///< entries of a view: locations, then one read marker a thread
  bool overflowed_ = false;
  bool hashing_ = false;
  uint32_t hash32_ = 0;
  uint64_t hash64_ = 0;
  std::vector<uint64_t> initial_;
  std::vector<uint64_t> value_;
  std::vector<Time> version_;
  std::vector<std::vector<Message>> messages_;  ///< time t is messages_[at][t - 1]; time 0 is the initial value
  std::vector<Location> touched_;               ///< locations to clear on reset
  std::vector<Time> views_;
  size_t viewsUsed_ = 0;
  std::vector<Thread> state_;
  /// [location][thread] the thread's read marker at its last plain read: a writer must have seen it. Weak model only.
  std::vector<Time> lastRead_;
  std::vector<Location> touchedReads_;
};

/// 32-bit mixing of a word into a hash; TypeScript's differential machine mirrors it.
inline uint32_t stir(uint32_t hash, uint32_t word) {
  hash = (hash ^ word) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

/// 64-bit mixing, for state identities.
inline uint64_t blend(uint64_t hash, uint64_t word) {
  uint64_t z = (hash ^ word) + 0x9e3779b97f4a7c15ull + (hash << 6) + (hash >> 2);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace kerneltwin::explorer
