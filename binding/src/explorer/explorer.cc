#include "explorer.h"

#include <algorithm>
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

void Explorer::prepare(Body body, void* argument, Choices& choices, uint64_t maxSteps) {
  body_ = body;
  argument_ = argument;
  choices_ = &choices;
  maxSteps_ = maxSteps;
  steps_ = 0;
  watched_ = false;
  patience_ = driven_ || privateState_ == nullptr ? maxSteps : std::min(maxSteps, kWatchFrom);
  failed_ = false;
  finished_ = arrived_ = asleep_ = inPlain_ = 0;
  digest_ = 0;
  observed_ = driven_ || digests_ != nullptr || accesses_ != nullptr;
  memory.keepHashes(observed_);
  memory.reset();
  waiters_.assign(memory.locations(), 0);
  runnable_ = all();
  for (uint32_t i = 0; i < count_; ++i) {
    waits_[i].polling = false;
    fibers_[i].reset(&Explorer::enter, this);
  }
  current_ = 0;
}

bool Explorer::run(Body body, void* argument, Choices& choices, uint64_t maxSteps, const PrivateState* privateState) {
  driven_ = false;
  privateState_ = privateState;
  prepare(body, argument, choices, maxSteps);
  current_ = choices.move(runnable_, 0);
  Fiber::switchTo(main_, fibers_[current_]);
  if (memory.overflowed()) failOutside("T5", "a word was written 65535 times: the run is too long to be judged");
  return !failed_;
}

void Explorer::start(Body body, void* argument, Choices& choices, uint64_t maxSteps, const PrivateState& privateState) {
  driven_ = true;
  privateState_ = &privateState;
  prepare(body, argument, choices, maxSteps);
  local_.assign(count_, {});
  groups_.assign(count_, 0);
  pending_.assign(count_, {});
}

void Explorer::resume(uint32_t fiber) {
  current_ = fiber;
  pending_[fiber] = {};
  Fiber::switchTo(main_, fibers_[fiber]);
}

void Explorer::moveOn(uint32_t from) {
  if (driven_) {
    Fiber::switchTo(fibers_[from], main_);
    return;
  }
  if (runnable_ == 0) fail("T5", "deadlock: every actor waits for a change that nobody can make");
  const uint32_t next = choices_->move(runnable_, from);
  if (next == from) return;
  current_ = next;
  Fiber::switchTo(fibers_[from], fibers_[next]);
}

void Explorer::finish() {
  const uint32_t me = current_;
  if (driven_ || finished_ == all()) Fiber::switchTo(fibers_[me], main_);
  if (runnable_ == 0) fail("T5", "deadlock: every remaining actor waits for a change that nobody can make");
  current_ = choices_->move(runnable_, me);
  Fiber::switchTo(fibers_[me], fibers_[current_]);
  std::abort();  // a finished fiber is never continued
}

void Explorer::fail(const char* invariant, std::string message) {
  failOutside(invariant, std::move(message));
  Fiber::switchTo(fibers_[current_], main_);
  std::abort();  // a failed run is never continued
}

/// First the run is watched, then it is given up: it makes progress of a kind, for its state never comes back, but has no end.
void Explorer::outOfPatience() {
  if (watched_ || patience_ == maxSteps_) fail("T5", "no end after " + std::to_string(maxSteps_) + " steps");
  patience_ = maxSteps_;
  watched_ = observed_ = true;
  local_.assign(count_, {});
  lap_ = 0;
  nextLap_ = 64;
}

/// Called where an actor begins a poll. Compares the world with a marked state of its past, and moves the mark on in growing
/// steps, so that a cycle of any length is found within a few times its length.
void Explorer::seekRecurrence(uint32_t fiber) {
  uint64_t h = blend(blend(memory.contentHash(), runnable_), asleep_);
  h = blend(blend(h, arrived_), finished_);
  for (const Local& local : local_) h = blend(blend(h, local.hash), local.inPoll);
  if (lap_ > 0 && h == mark_ && fiber == markedBy_) {
    fail("T5", "livelock: actors move, and after " + std::to_string(steps_ - markedAt_) + " accesses the world is as it was");
  }
  if (lap_ > 0 && --lap_ > 0) return;
  mark_ = h;
  markedBy_ = fiber;
  markedAt_ = steps_;
  lap_ = nextLap_;
  nextLap_ *= 2;
}

void Explorer::failOutside(const char* invariant, std::string message) {
  failed_ = true;
  failure_.invariant = invariant;
  failure_.message = std::move(message);
  failure_.step = steps_;
}

void Explorer::observe(uint32_t fiber, Location at, Access access, uint64_t value) {
  if (driven_ || watched_) {
    uint64_t& hash = waits_[fiber].polling ? local_[fiber].inPoll : local_[fiber].hash;
    hash = blend(blend(hash, at << 2 | static_cast<uint32_t>(access)), value);
    if (access != Access::Read) ++local_[fiber].writes;
  }
  if (accesses_ != nullptr) {
    accesses_->insert(accesses_->end(), {fiber, static_cast<uint32_t>(access), at, static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)});
  }
  if (digests_ == nullptr) return;
  uint32_t h = stir(digest_, fiber | static_cast<uint32_t>(access) << 8 | static_cast<uint32_t>(at) << 16);
  h = stir(stir(h, static_cast<uint32_t>(value)), static_cast<uint32_t>(value >> 32));
  h = stir(stir(h, memory.seen(fiber, at)), memory.hash32());
  digest_ = stir(stir(h, static_cast<uint32_t>(runnable_)), static_cast<uint32_t>(runnable_ >> 32));
  digests_->push_back(digest_);
}

void Explorer::beginPoll(uint32_t fiber) {
  waits_[fiber].polling = true;
  waits_[fiber].reads.clear();
  if (driven_ || watched_) identify(fiber);
  if (watched_) seekRecurrence(fiber);
}

void Explorer::identify(uint32_t fiber) {
  Local& local = local_[fiber];
  local.hash = blend(local.polls, privateState_->privateHash(fiber, local.lastRead));
  local.inPoll = 0;
}

void Explorer::endPoll(uint32_t fiber) {
  waits_[fiber].polling = false;
  memory.readNewest(fiber, false);
  if (!driven_ && !watched_) return;
  Local& local = local_[fiber];
  ++local.polls;
  local.lastRead = local.inPoll;
  identify(fiber);
}

void Explorer::awaitChange(uint32_t fiber) {
  Wait& wait = waits_[fiber];
  wait.polling = false;
  if (driven_ || watched_) identify(fiber);
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

void Explorer::rendezvous(uint32_t fiber, uint64_t group) {
  if (driven_) {
    Local& local = local_[fiber];
    ++local.polls;
    ++local.rendezvous;
    local.writes = 0;
    local.lastRead = 0;
    groups_[fiber] = group;
    identify(fiber);
  }
  arrived_ |= 1ull << fiber;
  if ((arrived_ & group) != group) {
    runnable_ &= ~(1ull << fiber);
    moveOn(fiber);
    return;
  }
  arrived_ &= ~group;
  if (memory.model() == Model::Weak) {
    for (uint64_t set = group; set != 0; set &= set - 1) memory.join(static_cast<uint32_t>(__builtin_ctzll(set)), fiber);
    for (uint64_t set = group; set != 0; set &= set - 1) memory.join(fiber, static_cast<uint32_t>(__builtin_ctzll(set)));
  }
  runnable_ |= group & ~finished_;
}

uint64_t Explorer::stateHash() const {
  uint64_t h = blend(memory.hash64(), runnable_);
  h = blend(blend(blend(h, finished_), asleep_), arrived_);
  for (uint32_t f = 0; f < count_; ++f) {
    h = blend(blend(h, local_[f].hash), local_[f].inPoll);
    h = blend(h, static_cast<uint64_t>(pending_[f].at) << 2 | static_cast<uint64_t>(pending_[f].access));
  }
  return h;
}

void Explorer::save(Saved& out) const {
  memory.save(out.memory);
  out.fibers.resize(count_);
  for (uint32_t i = 0; i < count_; ++i) fibers_[i].save(out.fibers[i]);
  out.waits = waits_;
  out.waiters = waiters_;
  out.pending = pending_;
  out.local = local_;
  out.runnable = runnable_;
  out.finished = finished_;
  out.asleep = asleep_;
  out.arrived = arrived_;
  out.inPlain = inPlain_;
  out.steps = steps_;
  out.current = current_;
}

void Explorer::restore(const Saved& from) {
  memory.restore(from.memory);
  for (uint32_t i = 0; i < count_; ++i) fibers_[i].restore(from.fibers[i]);
  waits_ = from.waits;
  waiters_ = from.waiters;
  pending_ = from.pending;
  local_ = from.local;
  runnable_ = from.runnable;
  finished_ = from.finished;
  asleep_ = from.asleep;
  arrived_ = from.arrived;
  inPlain_ = from.inPlain;
  steps_ = from.steps;
  current_ = from.current;
  failed_ = false;
}

}  // namespace kerneltwin::explorer
