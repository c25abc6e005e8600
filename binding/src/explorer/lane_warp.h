// A warp whose lanes see each other's private words only after a sync: what the hardware may do where a warp sync is missing.
//
// Shared-memory arrays that a warp's lanes write and read (ready queue, slot states, watch masks) are registered as regions.
// Every lane works on its own copy; `sync` merges what the lanes have written. A ballot, scan or shuffle exchanges values but
// orders no memory, as the policy says (the device's ballot happens to sync; nothing may lean on it).
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "explorer.h"
#include "policies.h"

namespace kerneltwin::explorer {

class LaneViews {
 public:
  explicit LaneViews(Explorer& explorer) : x_(&explorer) {}

  /// Registers an array of 32-bit words. All are registered before the warp starts.
  void add(void* words, size_t bytes) { regions_.push_back({static_cast<uint32_t*>(words), bytes / 4, used(bytes / 4)}); }
  void begin() {
    for (auto& copy : lanes_) copy.assign(total_, 0);
    base_.assign(total_, 0);
    store(base_);
    for (auto& copy : lanes_) copy = base_;
  }

  void enter(uint32_t lane) { load(lanes_[lane]); }
  void leave(uint32_t lane) { store(lanes_[lane]); }
  /// Uniform code between warp operations sees lane 0's copy.
  void uniform() { load(lanes_[0]); }

  /// Merges the lanes' writes. Two lanes that wrote one word differently is a race.
  void sync() {
    std::vector<uint32_t>& merged = merged_;
    merged = base_;
    for (const auto& copy : lanes_) {
      for (size_t i = 0; i < total_; ++i) {
        if (copy[i] == base_[i]) continue;
        if (merged[i] != base_[i] && merged[i] != copy[i]) x_->fail("S7", "two lanes wrote one word of the warp without a sync between them");
        merged[i] = copy[i];
      }
    }
    base_ = merged;
    for (auto& copy : lanes_) copy = base_;
    load(base_);
  }

 private:
  struct Region {
    uint32_t* words;
    size_t count;
    size_t at;
  };
  size_t used(size_t count) {
    const size_t at = total_;
    total_ += count;
    return at;
  }
  void load(const std::vector<uint32_t>& copy) {
    for (const Region& r : regions_) std::memcpy(r.words, copy.data() + r.at, r.count * 4);
  }
  void store(std::vector<uint32_t>& copy) {
    for (const Region& r : regions_) std::memcpy(copy.data() + r.at, r.words, r.count * 4);
  }

  Explorer* x_;
  std::vector<Region> regions_;
  size_t total_ = 0;
  std::vector<uint32_t> lanes_[kLanes];
  std::vector<uint32_t> base_;
  std::vector<uint32_t> merged_;
};

/// Lanes take turns from the last to the first. What two lanes of a warp do to one word between two syncs has one outcome in
/// HostWarp's order and the other in this one, or, if the reader is first in both, in the views above.
class DownWarp : public HostWarp {
 public:
  template <class F>
  void each(F f) {
    for (uint32_t l = kLanes; l-- > 0;) f(l);
  }

  template <class F>
  uint32_t ballot(F f) {
    uint32_t mask = 0;
    for (uint32_t l = kLanes; l-- > 0;) mask |= static_cast<uint32_t>(f(l) ? 1u : 0u) << l;
    return mask;
  }
};

class LaneWarp {
 public:
  template <class T>
  using Var = HostWarp::Var<T>;

  explicit LaneWarp(LaneViews& views) : views_(views) { views_.begin(); }

  template <class F>
  void each(F f) {
    for (uint32_t l = 0; l < kLanes; ++l) asLane(l, [&] { f(l); });
    views_.uniform();
  }

  template <class F>
  uint32_t ballot(F f) {
    uint32_t mask = 0;
    for (uint32_t l = 0; l < kLanes; ++l) asLane(l, [&] { mask |= static_cast<uint32_t>(f(l) ? 1u : 0u) << l; });
    views_.uniform();
    return mask;
  }

  template <class T>
  T exclusiveScan(Var<T>& v) {
    return plain_.exclusiveScan(v);
  }

  template <class T>
  T broadcast(const Var<T>& v, uint32_t lane) {
    return v[lane];
  }

  template <class T>
  void gather(Var<T>& out, const Var<T>& v, const Var<uint32_t>& from) {
    plain_.gather(out, v, from);
  }

  void sync() { views_.sync(); }

  template <class M, class Poll>
  bool spin(M& mem, Poll poll) {
    return mem.spin(poll);
  }

 private:
  template <class F>
  void asLane(uint32_t lane, F f) {
    views_.enter(lane);
    f();
    views_.leave(lane);
  }

  LaneViews& views_;
  HostWarp plain_;
};

}  // namespace kerneltwin::explorer
