// Host policies: the protocol headers' memory, warp, block and trace operations on fibers.
#pragma once

#include "explorer.h"
#include "kerneltwin/protocol/policy.h"

namespace kerneltwin::explorer {

/// Shared words as the headers see them: real addresses, so that their pointer arithmetic works, each mapped to a
/// location. The words themselves are never read.
class Arena {
 public:
  template <class T>
  T* allocate(Memory& memory, uint32_t count, uint32_t stride = 1) {
    constexpr uint32_t words = sizeof(T) / sizeof(uint32_t);
    if (used_ % words != 0) ++used_;
    const uint32_t first = used_;
    used_ += count * stride * words;
    if (used_ > kWords) return nullptr;
    for (uint32_t i = 0; i < count; ++i) location_[first + i * stride * words] = memory.allocate(1);
    return reinterpret_cast<T*>(words_ + first);
  }

  Location locate(const void* word) const {
    return location_[static_cast<const uint32_t*>(word) - words_];
  }

 private:
  static constexpr uint32_t kWords = 1 << 16;
  alignas(8) uint32_t words_[kWords] = {};
  Location location_[kWords] = {};
  uint32_t used_ = 0;
};

class HostMemory {
 public:
  HostMemory(Explorer& explorer, const Arena& arena, uint32_t fiber) : x_(explorer), arena_(arena), fiber_(fiber) {}

  template <Order O, Scope S, class T>
  T load(const T* word) {
    x_.step();
    const Location at = arena_.locate(word);
    const auto value = static_cast<T>(x_.memory.load(fiber_, at, O, S, x_.choices()));
    x_.sawInPoll(fiber_, at);
    return value;
  }

  template <Order O, Scope S, class T>
  void store(T* word, T value) {
    x_.step();
    const Location at = arena_.locate(word);
    x_.memory.store(fiber_, at, value, O, S);
    x_.changed(at);
  }

  template <Order O, Scope S, class T>
  T add(T* word, T amount) {
    return update<O, S>(word, [amount](uint64_t v) { return static_cast<T>(static_cast<T>(v) + amount); });
  }

  template <Order O, Scope S, class T>
  T fetchOr(T* word, T bits) {
    return update<O, S>(word, [bits](uint64_t v) { return static_cast<T>(static_cast<T>(v) | bits); });
  }

  template <Order O, Scope S>
  void fence() {
    x_.step();
    x_.memory.fence(fiber_, O);
  }

  template <class Poll>
  bool spin(Poll poll) {
    for (;;) {
      x_.beginPoll(fiber_);
      if (poll()) break;
      x_.awaitChange(fiber_);
    }
    x_.memory.readNewest(fiber_, false);
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
    x_.step();
    const Location at = arena_.locate(word);
    const auto before = static_cast<T>(x_.memory.update(fiber_, at, O, S, change));
    x_.changed(at);
    return before;
  }

  Explorer& x_;
  const Arena& arena_;
  uint32_t fiber_;
};

/// A whole warp on one fiber: lanes run one after the other between warp operations.
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

  uint32_t exclusiveScan(Var<uint32_t>& v) {
    uint32_t total = 0;
    for (uint32_t l = 0; l < kLanes; ++l) {
      const uint32_t mine = v[l];
      v[l] = total;
      total += mine;
    }
    return total;
  }

  template <class T>
  T broadcast(const Var<T>& v, uint32_t lane) {
    return v[lane];
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
  template <class T>
  T broadcast(T value) {
    return value;
  }
};

/// One event as the explorer records it; the time is the step count.
struct Event {
  uint64_t step;
  uint32_t launch;
  uint16_t rank;
  uint32_t actor;
  EventKind kind;
  uint16_t aux;
  uint32_t a;
  uint32_t b;
};

class HostTrace {
 public:
  using Stamp = uint64_t;
  HostTrace(const Explorer& explorer, std::vector<Event>* events, uint16_t rank, uint32_t actor)
      : x_(explorer), events_(events), rank_(rank), actor_(actor) {}

  void launch(uint32_t epoch) { launch_ = epoch; }
  Stamp stamp() const { return x_.steps(); }
  void record(EventKind kind, uint32_t aux, uint32_t a, uint32_t b) { recordAt(stamp(), kind, aux, a, b); }
  void recordAt(Stamp at, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) {
    if (events_) events_->push_back({at, launch_, rank_, actor_, kind, static_cast<uint16_t>(aux), a, b});
  }

 private:
  const Explorer& x_;
  std::vector<Event>* events_;
  uint16_t rank_;
  uint32_t actor_;
  uint32_t launch_ = 0;
};

}  // namespace kerneltwin::explorer
