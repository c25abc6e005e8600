#include "explorer.h"

#include <cstdlib>

namespace kerneltwin::explorer {

void Explorer::enter(void* argument) {
  auto* self = static_cast<Explorer*>(argument);
  const uint32_t me = self->current_;
  self->body_(self->argument_, me);
  self->finished_ |= 1ull << me;
  self->runnable_ &= ~(1ull << me);
  self->finish();
}

bool Explorer::run(Body body, void* argument, Choices& choices, uint64_t maxSteps) {
  body_ = body;
  argument_ = argument;
  choices_ = &choices;
  maxSteps_ = maxSteps;
  steps_ = 0;
  failed_ = false;
  finished_ = arrived_ = asleep_ = 0;
  memory.reset();
  waiters_.assign(memory.locations(), 0);
  runnable_ = count_ == 64 ? ~0ull : (1ull << count_) - 1;
  for (uint32_t i = 0; i < count_; ++i) {
    waits_[i].polling = false;
    fibers_[i].reset(&Explorer::enter, this);
  }
  current_ = 0;
  current_ = pick();
  Fiber::switchTo(main_, fibers_[current_]);
  return !failed_;
}

/// The fiber to move next. Choice 0 is "the same again", so that a shrunk sequence has few context switches.
uint32_t Explorer::pick() {
  const auto n = static_cast<uint32_t>(__builtin_popcountll(runnable_));
  uint32_t k = n > 1 ? choices_->choose(n) : 0;
  const uint64_t upper = runnable_ & (~0ull << current_);
  uint64_t set = upper;
  const auto above = static_cast<uint32_t>(__builtin_popcountll(upper));
  if (k >= above) {
    k -= above;
    set = runnable_ & ~upper;
  }
  while (k-- > 0) set &= set - 1;
  return static_cast<uint32_t>(__builtin_ctzll(set));
}

void Explorer::moveOn(uint32_t from) {
  if (runnable_ == 0) fail("T5", "deadlock: every actor waits for a change that nobody can make");
  const uint32_t next = pick();
  if (next == from) return;
  current_ = next;
  Fiber::switchTo(fibers_[from], fibers_[next]);
}

void Explorer::finish() {
  const uint32_t me = current_;
  const uint64_t all = count_ == 64 ? ~0ull : (1ull << count_) - 1;
  if (finished_ == all) Fiber::switchTo(fibers_[me], main_);
  if (runnable_ == 0) fail("T5", "deadlock: every remaining actor waits for a change that nobody can make");
  current_ = pick();
  Fiber::switchTo(fibers_[me], fibers_[current_]);
  std::abort();  // a finished fiber is never continued
}

void Explorer::step() {
  if (++steps_ > maxSteps_) fail("T5", "no end after " + std::to_string(maxSteps_) + " steps");
  moveOn(current_);
}

void Explorer::fail(const char* invariant, std::string message) {
  failed_ = true;
  failure_.invariant = invariant;
  failure_.message = std::move(message);
  failure_.step = steps_;
  Fiber::switchTo(fibers_[current_], main_);
  std::abort();  // a failed run is never continued
}

void Explorer::beginPoll(uint32_t fiber) {
  waits_[fiber].polling = true;
  waits_[fiber].reads.clear();
}

void Explorer::sawInPoll(uint32_t fiber, Location at) {
  if (waits_[fiber].polling) waits_[fiber].reads.emplace_back(at, memory.seen(fiber, at));
}

void Explorer::awaitChange(uint32_t fiber) {
  Wait& wait = waits_[fiber];
  wait.polling = false;
  for (const auto& [at, time] : wait.reads) {
    if (memory.version(at) > time) {
      // It read something old: poll again, and read the newest, or it could do so for ever.
      memory.readNewest(fiber, true);
      return;
    }
  }
  memory.readNewest(fiber, false);
  for (const auto& [at, time] : wait.reads) waiters_[at] |= 1ull << fiber;
  runnable_ &= ~(1ull << fiber);
  asleep_ |= 1ull << fiber;
  moveOn(fiber);
}

void Explorer::changed(Location at) {
  // A fiber woken elsewhere may still be listed here, and may by now wait at a rendezvous: that is none of our business.
  const uint64_t woken = waiters_[at] & asleep_;
  runnable_ |= woken;
  asleep_ &= ~woken;
  waiters_[at] = 0;
}

void Explorer::rendezvous(uint32_t fiber, uint64_t group) {
  arrived_ |= 1ull << fiber;
  if ((arrived_ & group) != group) {
    runnable_ &= ~(1ull << fiber);
    moveOn(fiber);
    return;
  }
  arrived_ &= ~group;
  for (uint64_t set = group; set != 0; set &= set - 1) memory.join(static_cast<uint32_t>(__builtin_ctzll(set)), fiber);
  for (uint64_t set = group; set != 0; set &= set - 1) memory.join(fiber, static_cast<uint32_t>(__builtin_ctzll(set)));
  runnable_ |= group & ~finished_;
}

}  // namespace kerneltwin::explorer
