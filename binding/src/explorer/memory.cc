#include "memory.h"

#include <algorithm>

namespace kerneltwin::explorer {

namespace {
bool releases(Order order) { return order == Order::Release || order == Order::AcqRel; }
bool acquires(Order order) { return order == Order::Acquire || order == Order::AcqRel; }

bool includes(Scope scope, ThreadPlace owner, ThreadPlace other) {
  if (scope == Scope::System) return true;
  if (owner.rank != other.rank) return false;
  return scope == Scope::Device || owner.block == other.block;
}
}  // namespace

Location Memory::allocate(uint32_t count) {
  const uint32_t first = count_;
  count_ += count;
  initial_.resize(count_, 0);
  return static_cast<Location>(first);
}

void Memory::setInitial(Location at, uint64_t value) { initial_[at] = value; }

void Memory::reset() {
  if (value_.size() != count_) {
    value_ = initial_;
    version_.assign(count_, 0);
    messages_.assign(count_, {});
    state_.assign(threads_, {});
    for (Thread& t : state_) {
      t.current.assign(count_, 0);
      t.acquired.assign(count_, 0);
      t.released.assign(count_, 0);
    }
    touched_.clear();
  }
  for (const Location at : touched_) {
    value_[at] = initial_[at];
    version_[at] = 0;
    messages_[at].clear();
  }
  touched_.clear();
  viewsUsed_ = 0;
  for (Thread& t : state_) {
    t.newest = false;
    if (model_ == Model::SequentiallyConsistent) continue;
    std::fill(t.current.begin(), t.current.end(), Time{0});
    if (t.hasAcquired) std::fill(t.acquired.begin(), t.acquired.end(), Time{0});
    if (t.hasReleased) std::fill(t.released.begin(), t.released.end(), Time{0});
    t.hasAcquired = t.hasReleased = false;
  }
}

void Memory::joinInto(std::vector<Time>& to, const Time* from) const {
  Time* const out = to.data();
  for (uint32_t i = 0; i < count_; ++i) out[i] = std::max(out[i], from[i]);
}

int32_t Memory::newView(const std::vector<Time>& from) {
  const size_t at = viewsUsed_;
  viewsUsed_ += count_;
  if (views_.size() < viewsUsed_) views_.resize(std::max(viewsUsed_, views_.size() * 2));
  std::copy(from.begin(), from.end(), views_.begin() + static_cast<std::ptrdiff_t>(at));
  return static_cast<int32_t>(at);
}

bool Memory::stronglyOrdered(const Thread& reader, Scope scope, const Message& message) const {
  const Thread& writer = state_[message.thread];
  return includes(scope, reader.where, writer.where) &&
         includes(static_cast<Scope>(message.scope), writer.where, reader.where);
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
      joinInto(t.acquired, view);
      t.hasAcquired = true;
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

void Memory::write(uint32_t thread, Location at, uint64_t value, Order order, Scope scope, bool update) {
  if (version_[at] == 0) touched_.push_back(at);
  ++version_[at];
  value_[at] = value;
  if (model_ == Model::SequentiallyConsistent) return;
  Thread& t = state_[thread];
  auto& list = messages_[at];
  int32_t view = -1;
  if (releases(order)) view = newView(t.current);
  else if (t.hasReleased) view = newView(t.released);
  if (update && !list.empty() && list.back().view >= 0) {
    if (view < 0) view = newView(t.released);
    Time* out = views_.data() + view;
    const Time* before = views_.data() + list.back().view;
    for (uint32_t i = 0; i < count_; ++i) out[i] = std::max(out[i], before[i]);
  }
  list.push_back({value, view, static_cast<uint16_t>(thread), static_cast<uint8_t>(scope)});
  t.current[at] = lastTime(at);
  if (view >= 0) views_[static_cast<size_t>(view) + at] = lastTime(at);
}

void Memory::store(uint32_t thread, Location at, uint64_t value, Order order, Scope scope) {
  write(thread, at, value, order, scope, false);
}

void Memory::fence(uint32_t thread, Order order) {
  if (model_ == Model::SequentiallyConsistent) return;
  Thread& t = state_[thread];
  if (acquires(order) && t.hasAcquired) joinInto(t.current, t.acquired.data());
  if (releases(order)) {
    t.released = t.current;
    t.hasReleased = true;
  }
}

bool Memory::readPlain(uint32_t thread, Location at, uint64_t& value) {
  value = value_[at];
  return model_ == Model::SequentiallyConsistent || state_[thread].current[at] == lastTime(at);
}

bool Memory::writePlain(uint32_t thread, Location at, uint64_t value) {
  const bool ordered = model_ == Model::SequentiallyConsistent || state_[thread].current[at] == lastTime(at);
  write(thread, at, value, Order::Relaxed, Scope::System, false);
  return ordered;
}

void Memory::join(uint32_t from, uint32_t to) {
  if (model_ == Model::SequentiallyConsistent || from == to) return;
  joinInto(state_[to].current, state_[from].current.data());
}

}  // namespace kerneltwin::explorer
