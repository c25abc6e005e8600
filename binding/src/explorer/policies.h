// Host policies: the protocol headers' memory, warp, block and trace operations on fibers.
#pragma once

#include "arena.h"
#include "explorer.h"
#include "report.h"
#include "kerneltwin/protocol/processor.h"

namespace kerneltwin::explorer {

class HostMemory {
 public:
  HostMemory(Explorer& explorer, const Arena& arena, uint32_t fiber) : x_(explorer), arena_(arena), fiber_(fiber) {}

  /// Notes the raw word of every load from `words` (`count` of them) in `notes`, ghost bits included.
  void noteLoads(const uint64_t* words, uint32_t count, uint64_t* notes) {
    noted_ = words;
    notedCount_ = count;
    notes_ = notes;
  }

  template <Order O, Scope S, class T>
  T load(const T* word) {
    const Location at = locate(word);
    x_.step(at, Access::Read);
    const uint64_t raw = x_.memory.load(fiber_, at, O, S, x_.choices());
    x_.note(fiber_, at, Access::Read, raw);
    x_.sawInPoll(fiber_, at);
    if constexpr (sizeof(T) == sizeof(uint64_t)) {
      const auto index = static_cast<uint64_t>(word - noted_);
      if (index < notedCount_) notes_[index] = raw;
    }
    return static_cast<T>(raw);
  }

  template <Order O, Scope S, class T>
  void store(T* word, T value) {
    store<O, S>(word, value, [] {});
  }
  /// `before` runs in the same step, just before the store.
  template <Order O, Scope S, class T, class F>
  void store(T* word, T value, F before) {
    const Location at = locate(word);
    x_.step(at, Access::Write);
    before();
    x_.memory.store(fiber_, at, value, O, S);
    x_.changed(at);
    x_.note(fiber_, at, Access::Write, value);
  }

  template <Order O, Scope S, class T>
  T add(T* word, T amount) {
    return update<O, S>(word, [amount](uint64_t v) { return static_cast<T>(static_cast<T>(v) + amount); });
  }

  template <Order O, Scope S, class T>
  T fetchOr(T* word, T bits) {
    return update<O, S>(word, [bits](uint64_t v) { return static_cast<T>(static_cast<T>(v) | bits); });
  }

  /// No step: a fence changes only what its own thread has seen, so it commutes with everything others do.
  template <Order O, Scope S>
  void fence() {
    x_.memory.fence(fiber_, O, S);
  }

  template <class Poll>
  bool spin(Poll poll) {
    for (;;) {
      x_.beginPoll(fiber_);
      if (poll()) break;
      x_.awaitChange(fiber_);
    }
    x_.endPoll(fiber_);
    return true;
  }

  bool aborted() const { return false; }
  AbortCode abortCode() const { return AbortCode::None; }
  void fail(AbortCode code) {
    x_.fail("T3", "the protocol aborted with code " + std::to_string(static_cast<uint32_t>(code)));
  }

 private:
  template <Order O, Scope S, class T, class F>
  T update(T* word, F change) {
    const Location at = locate(word);
    x_.step(at, Access::Update);
    const auto before = static_cast<T>(x_.memory.update(fiber_, at, O, S, change));
    x_.changed(at);
    x_.note(fiber_, at, Access::Update, before);
    return before;
  }

  Location locate(const void* word) {
    const Location at = arena_.locate(word);
    if (at == kNowhere) x_.fail("L3", "an access outside every slice of the bookkeeping");
    return at;
  }

  Explorer& x_;
  const Arena& arena_;
  uint32_t fiber_;
  const uint64_t* noted_ = nullptr;
  uint32_t notedCount_ = 0;
  uint64_t* notes_ = nullptr;
};

/// A whole warp on one fiber: lanes run one after the other between warp operations, and see each other's private words
/// at once. LaneWarp (lane_warp.h) is the pessimist.
class HostWarp {
 public:
  template <class T>
  struct Var {
    T lane[kLanes] = {};
    T& operator[](uint32_t l) { return lane[l]; }
    const T& operator[](uint32_t l) const { return lane[l]; }
  };

  template <class F>
  void each(F f) {
    for (uint32_t l = 0; l < kLanes; ++l) f(l);
  }

  template <class F>
  uint32_t ballot(F f) {
    uint32_t mask = 0;
    for (uint32_t l = 0; l < kLanes; ++l) mask |= static_cast<uint32_t>(f(l) ? 1u : 0u) << l;
    return mask;
  }

  template <class T>
  T exclusiveScan(Var<T>& v) {
    T total = 0;
    for (uint32_t l = 0; l < kLanes; ++l) {
      const T mine = v[l];
      v[l] = total;
      total += mine;
    }
    return total;
  }

  template <class T>
  T broadcast(const Var<T>& v, uint32_t lane) {
    return v[lane];
  }

  template <class T>
  void gather(Var<T>& out, const Var<T>& v, const Var<uint32_t>& from) {
    for (uint32_t l = 0; l < kLanes; ++l) out[l] = v[from[l] % kLanes];
  }

  void sync() {}

  template <class M, class Poll>
  bool spin(M& mem, Poll poll) {
    return mem.spin(poll);
  }
};

/// A processor block: its leader thread stands for all.
class HostBlock {
 public:
  bool leader() const { return true; }
  void sync() {}
  PickedTask& job() { return job_; }

 private:
  PickedTask job_{};
};

/// Told of every record before it is made: where the ghost state is checked.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void witness(uint32_t fiber, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) = 0;
};

class HostTrace {
 public:
  using Stamp = uint64_t;
  HostTrace(const Explorer& explorer, Witness& witness, std::vector<Event>* events, uint32_t fiber, uint16_t rank, uint32_t actor)
      : x_(explorer), witness_(witness), events_(events), fiber_(fiber), rank_(rank), actor_(actor) {}

  void launch(uint32_t epoch) { launch_ = epoch; }
  bool off() const { return false; }
  Stamp stamp() const { return x_.steps(); }
  void record(EventKind kind, uint32_t aux, uint32_t a, uint32_t b) { recordAt(stamp(), kind, aux, a, b); }
  void recordAt(Stamp at, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) {
    witness_.witness(fiber_, kind, aux, a, b);
    if (events_) events_->push_back({at, launch_, rank_, actor_, static_cast<uint8_t>(kind), static_cast<uint16_t>(aux), a, b});
  }

 private:
  const Explorer& x_;
  Witness& witness_;
  std::vector<Event>* events_;
  uint32_t fiber_;
  uint16_t rank_;
  uint32_t actor_;
  uint32_t launch_ = 0;
};

}  // namespace kerneltwin::explorer
