#include "memory.h"

#include <algorithm>

namespace kerneltwin::explorer {

namespace {
bool releases(Order order) { return order == Order::Release || order == Order::AcqRel; }
bool acquires(Order order) { return order == Order::Acquire || order == Order::AcqRel; }

/// The narrowest scope that holds both threads.
Scope distance(ThreadPlace a, ThreadPlace b) {
  if (a.rank != b.rank) return Scope::System;
  return a.block != b.block ? Scope::Device : Scope::Block;
}
}  // namespace

Memory::Memory(Model model, uint32_t threads) : model_(model), threads_(threads) {}

Location Memory::allocate(uint32_t count) {
  const uint32_t first = count_;
  count_ += count;
  initial_.resize(count_, 0);
  return static_cast<Location>(first);
}

void Memory::setInitial(Location at, uint64_t value) { initial_[at] = value; }

void Memory::reset() {
  if (value_.size() != count_) {
    width_ = count_ + threads_;
    value_ = initial_;
    version_.assign(count_, 0);
    messages_.assign(count_, {});
    state_.assign(threads_, {});
    if (model_ == Model::Weak) {
      lastRead_.assign(static_cast<size_t>(count_) * threads_, 0);
      for (Thread& t : state_) {
        t.current.assign(width_, 0);
        for (auto& view : t.acquired) view.assign(width_, 0);
        for (auto& view : t.released) view.assign(width_, 0);
      }
    }
    touched_.clear();
  }
  for (const Location at : touched_) {
    value_[at] = initial_[at];
    version_[at] = 0;
    messages_[at].clear();
  }
  touched_.clear();
  for (const Location at : touchedReads_) std::fill_n(lastRead_.begin() + at * threads_, threads_, Time{0});
  touchedReads_.clear();
  viewsUsed_ = 0;
  overflowed_ = false;
  hash32_ = 0;
  hash64_ = 0;
  for (Thread& t : state_) {
    t.newest = false;
    if (model_ == Model::SequentiallyConsistent) continue;
    std::fill(t.current.begin(), t.current.end(), Time{0});
    for (uint32_t s = 0; s < kScopes; ++s) {
      if (t.hasAcquired >> s & 1) std::fill(t.acquired[s].begin(), t.acquired[s].end(), Time{0});
    }
    t.hasAcquired = t.hasReleased = 0;
  }
}

void Memory::joinInto(std::vector<Time>& to, const Time* from) const {
  Time* const out = to.data();
  for (uint32_t i = 0; i < width_; ++i) out[i] = std::max(out[i], from[i]);
}

int32_t Memory::newView(const std::vector<Time>& from) {
  const size_t at = viewsUsed_;
  viewsUsed_ += width_;
  if (views_.size() < viewsUsed_) views_.resize(std::max(viewsUsed_, views_.size() * 2));
  std::copy(from.begin(), from.end(), views_.begin() + static_cast<std::ptrdiff_t>(at));
  return static_cast<int32_t>(at);
}

bool Memory::stronglyOrdered(const Thread& reader, Scope scope, const Message& message) const {
  const auto needed = static_cast<uint8_t>(distance(reader.where, state_[message.thread].where));
  return static_cast<uint8_t>(scope) >= needed && message.scope >= needed;
}

uint64_t Memory::readAt(uint32_t thread, Location at, Time time, Order order, Scope scope) {
  Thread& t = state_[thread];
  t.current[at] = std::max(t.current[at], time);
  if (time == 0) return initial_[at];
  const Message& message = messages_[at][time - 1];
  if (message.view >= 0 && stronglyOrdered(t, scope, message)) {
    const Time* view = views_.data() + message.view;
    if (acquires(order)) {
      joinInto(t.current, view);
    } else {
      const auto needed = static_cast<uint32_t>(distance(t.where, state_[message.thread].where));
      joinInto(t.acquired[needed], view);
      t.hasAcquired |= static_cast<uint8_t>(1u << needed);
    }
  }
  return message.value;
}

uint64_t Memory::readLast(uint32_t thread, Location at, Order order, Scope scope) {
  if (model_ == Model::SequentiallyConsistent) return value_[at];
  return readAt(thread, at, lastTime(at), order, scope);
}

uint64_t Memory::load(uint32_t thread, Location at, Order order, Scope scope, Choices& choices) {
  if (model_ == Model::SequentiallyConsistent) return value_[at];
  const Thread& t = state_[thread];
  const Time last = lastTime(at);
  const Time oldest = t.current[at];
  Time time = last;
  if (!t.newest && oldest < last) {
    // Choice 0 is the newest message, so that a shrunk choice sequence is as close to SC as the failure allows.
    time = static_cast<Time>(last - choices.choose(static_cast<uint32_t>(last - oldest) + 1));
  }
  return readAt(thread, at, time, order, scope);
}

/// The view a store carries: the writer's own if it releases, else that of its newest release fence of the store's scope or a
/// wider one; there being none, of its newest of the widest scope below.
int32_t Memory::releaseView(const Thread& t, Order order, Scope& scope) {
  if (releases(order)) return newView(t.current);
  if (t.hasReleased == 0) return -1;
  auto fence = static_cast<uint32_t>(scope);
  while (!(t.hasReleased >> fence & 1)) --fence;
  scope = static_cast<Scope>(fence);
  return newView(t.released[fence]);
}

void Memory::rehash(Location at, uint64_t before, uint64_t after) {
  const auto cell32 = [at](uint64_t v) {
    return stir(stir(at + 1u, static_cast<uint32_t>(v)), static_cast<uint32_t>(v >> 32));
  };
  hash32_ += cell32(after) - cell32(before);
  hash64_ += blend(at + 1u, after) - blend(at + 1u, before);
}

void Memory::write(uint32_t thread, Location at, uint64_t value, Order order, Scope scope, bool update) {
  if (version_[at] == 0) touched_.push_back(at);
  if (++version_[at] == 0xffff) overflowed_ = true;
  if (hashing_) rehash(at, value_[at], value);
  value_[at] = value;
  if (model_ == Model::SequentiallyConsistent) return;
  Thread& t = state_[thread];
  auto& list = messages_[at];
  int32_t view = releaseView(t, order, scope);
  if (update && !list.empty() && list.back().view >= 0) {
    // The update belongs to the release sequence it extends, whatever its own order.
    const int32_t before = list.back().view;
    if (view < 0) {
      view = static_cast<int32_t>(viewsUsed_);
      viewsUsed_ += width_;
      if (views_.size() < viewsUsed_) views_.resize(std::max(viewsUsed_, views_.size() * 2));
      std::copy_n(views_.begin() + before, width_, views_.begin() + view);
    } else {
      Time* out = views_.data() + view;
      const Time* from = views_.data() + before;
      for (uint32_t i = 0; i < width_; ++i) out[i] = std::max(out[i], from[i]);
    }
  }
  list.push_back({value, view, static_cast<uint16_t>(thread), static_cast<uint8_t>(scope)});
  t.current[at] = lastTime(at);
  if (view >= 0) views_[static_cast<size_t>(view) + at] = lastTime(at);
}

void Memory::store(uint32_t thread, Location at, uint64_t value, Order order, Scope scope) {
  write(thread, at, value, order, scope, false);
}

void Memory::fence(uint32_t thread, Order order, Scope scope) {
  if (model_ == Model::SequentiallyConsistent) return;
  Thread& t = state_[thread];
  const auto wide = static_cast<uint32_t>(scope);
  if (acquires(order)) {
    for (uint32_t s = 0; s <= wide; ++s) {
      if (t.hasAcquired >> s & 1) joinInto(t.current, t.acquired[s].data());
    }
  }
  if (releases(order)) {
    for (uint32_t s = 0; s <= wide; ++s) t.released[s] = t.current;
    t.hasReleased |= static_cast<uint8_t>((2u << wide) - 1);
  }
}

Race Memory::readPlain(uint32_t thread, Location at, uint64_t& value) {
  value = value_[at];
  if (model_ == Model::SequentiallyConsistent) return Race::None;
  Thread& t = state_[thread];
  if (t.current[at] != lastTime(at)) return Race::WriteUnseen;
  Time& marker = t.current[readMarker(thread)];
  if (++marker == 0xffff) overflowed_ = true;
  lastRead_[static_cast<size_t>(at) * threads_ + thread] = marker;
  touchedReads_.push_back(at);
  return Race::None;
}

Race Memory::writePlain(uint32_t thread, Location at, uint64_t value) {
  Race race = Race::None;
  if (model_ == Model::Weak) {
    const Thread& t = state_[thread];
    if (t.current[at] != lastTime(at)) race = Race::WriteUnseen;
    const Time* reads = lastRead_.data() + static_cast<size_t>(at) * threads_;
    for (uint32_t other = 0; other < threads_; ++other) {
      if (reads[other] > t.current[readMarker(other)] && race == Race::None) race = Race::ReadUnseen;
    }
  }
  write(thread, at, value, Order::Relaxed, Scope::System, false);
  return race;
}

void Memory::join(uint32_t from, uint32_t to) {
  if (model_ == Model::SequentiallyConsistent || from == to) return;
  joinInto(state_[to].current, state_[from].current.data());
}

void Memory::setView(uint32_t thread, const std::vector<Time>& view) {
  if (model_ == Model::SequentiallyConsistent) return;
  Thread& t = state_[thread];
  const Time reads = t.current[readMarker(thread)];
  t.current = view;
  t.current[readMarker(thread)] = reads;
}

uint64_t Memory::contentHash() const {
  constexpr Time kTail = 16;
  uint64_t h = 0;
  if (model_ != Model::SequentiallyConsistent) {
    for (uint32_t thread = 0; thread < threads_; ++thread) h = blend(h, state_[thread].newest);
  }
  for (uint32_t at = 0; at < count_; ++at) {
    h = blend(h, value_[at]);
    if (model_ == Model::SequentiallyConsistent) continue;
    const Time last = version_[at];
    for (uint32_t thread = 0; thread < threads_; ++thread) {
      const Time oldest = std::max(state_[thread].current[at], last > kTail ? static_cast<Time>(last - kTail) : Time{0});
      uint64_t before = value_[at];
      for (Time time = last; time-- > oldest;) {
        const uint64_t value = time == 0 ? initial_[at] : messages_[at][time - 1].value;
        if (value != before) h = blend(blend(h, thread), value);
        before = value;
      }
    }
  }
  return h;
}

void Memory::save(Saved& out) const {
  out.value = value_;
  out.version = version_;
  out.touched = touched_;
  out.hash32 = hash32_;
  out.hash64 = hash64_;
}

void Memory::restore(const Saved& from) {
  value_ = from.value;
  version_ = from.version;
  touched_ = from.touched;
  hash32_ = from.hash32;
  hash64_ = from.hash64;
}

}  // namespace kerneltwin::explorer
