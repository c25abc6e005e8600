#include "machine.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#if !defined(__x86_64__)
#error "the emulator's context switch is written for x86-64"
#endif

// Saves the callee-saved registers and the stack pointer of the caller, and continues at another. Twenty nanoseconds, where
// swapcontext makes two system calls.
extern "C" void emulatorSwitch(void** saveTo, void* continueAt);
asm(R"(
.text
.globl emulatorSwitch
.type emulatorSwitch, @function
emulatorSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulatorSwitch, .-emulatorSwitch
)");

namespace emulator {
namespace {

Machine* active = nullptr;
constexpr size_t kStackBytes = 64 * 1024;
/// One time in so many a block stalls behind its barrier, for up to so many turns of each block: turns alone would keep blocks that
/// meet within a few steps of each other, and hide what goes wrong only where one is far behind.
constexpr uint64_t kStallOdds = 16;
constexpr uint64_t kStallTurns = 256;

/// Lets those go on that have met.
void complete(Meeting& meeting) {
  meeting.arrived = 0;
  ++meeting.generation;
}

}  // namespace

Machine& Machine::current() { return *active; }

Machine::Machine(const Layout& layout, uint64_t seed)
    : layout_(layout), state_(seed * 0x9e3779b97f4a7c15ull + 0x5bd1e995) {
  if (layout.blocks % layout.ctas != 0) throw std::runtime_error("blocks are no multiple of a cluster's");
  for (uint32_t rank = 0; rank < layout.ranks; ++rank) {
    for (uint32_t b = 0; b < layout.blocks; ++b) addBlock(rank, b);
  }
}

void Machine::addBlock(uint32_t rank, uint32_t index) {
  auto block = std::make_unique<Block>();
  block->rank = rank;
  block->index = index;
  if (index % layout_.ctas == 0) clusters_.push_back(std::make_unique<Cluster>());
  block->cluster = clusters_.back().get();
  block->cluster->blocks.push_back(block.get());
  block->storage.reset(new char[layout_.sharedBytes + 1024]);
  const uintptr_t base = reinterpret_cast<uintptr_t>(block->storage.get());
  block->shared = block->storage.get() + ((base + 1023) / 1024 * 1024 - base);
  std::memset(block->shared, 0xff, layout_.sharedBytes);
  block->warps.resize(layout_.threads / kLanesPerWarp);
  block->threads.resize(layout_.threads);
  for (uint32_t t = 0; t < layout_.threads; ++t) {
    block->threads[t].block = block.get();
    block->threads[t].index = t;
  }
  blocks_.push_back(std::move(block));
}

uint64_t Machine::random(uint64_t below) {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_ % below;
}

void Machine::enter() {
  try {
    active->body_(active->block().rank);
  } catch (...) {
    if (!active->failure_) active->failure_ = std::current_exception();
  }
  active->endThread();
  active->yield();
}

/// A cluster's barrier does not wait for threads that have ended, also when they end while others wait at it.
void Machine::endThread() {
  thread().done = true;
  ++finished_;
  Cluster& cluster = *block().cluster;
  --block().living;
  --cluster.living;
  if (cluster.living > 0 && cluster.meeting.arrived == cluster.living) complete(cluster.meeting);
}

Block& Machine::neighbour(uint32_t rank) {
  const std::vector<Block*>& blocks = block().cluster->blocks;
  if (rank >= blocks.size()) {
    throw std::runtime_error("block " + std::to_string(rank) + " of a cluster of " + std::to_string(blocks.size()));
  }
  Block& there = *blocks[rank];
  if (!there.begun) throw std::runtime_error("shared memory of a block that may not have begun: no cluster barrier before it");
  if (there.living == 0) throw std::runtime_error("shared memory of a block that has ended");
  return there;
}

/// A new stack looks as if emulatorSwitch had been called from `enter`'s first instruction.
void Machine::startThread(Thread& thread) {
  thread.stack.reset(new char[kStackBytes]);
  auto** top =
      reinterpret_cast<void**>((reinterpret_cast<uintptr_t>(thread.stack.get()) + kStackBytes) & ~uintptr_t{15});
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&Machine::enter);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  thread.stackPointer = top;
}

bool Machine::runnable(const Thread& thread) const {
  return !thread.done && (thread.waitsFor == nullptr || thread.waitsFor->generation != thread.waitsSince);
}

void Machine::resume(Thread& thread) {
  running_ = &thread;
  thread.block->begun = true;
  emulatorSwitch(&schedulerStack_, thread.stackPointer);
  if (failure_) std::rethrow_exception(failure_);
}

void Machine::yield() { emulatorSwitch(&running_->stackPointer, schedulerStack_); }

void Machine::maybeYield(uint32_t odds) {
  if (random(odds) == 0) yield();
}

void Machine::meet(Meeting& meeting, uint32_t count) {
  Thread& self = thread();
  if (++meeting.arrived == count) {
    complete(meeting);
    Block& own = block();
    if (&meeting == &own.meeting && random(kStallOdds) == 0) own.stalledUntil = time_ + random(kStallTurns * blocks_.size());
    return;
  }
  self.waitsSince = meeting.generation;
  self.waitsFor = &meeting;
  while (meeting.generation == self.waitsSince) yield();
  self.waitsFor = nullptr;
}

void Machine::meetCluster() {
  Cluster& cluster = *block().cluster;
  meet(cluster.meeting, cluster.living);
}

void Machine::show(const Slot& mine) {
  Warp& w = warp();
  const uint32_t lane = running_->index % kLanesPerWarp;
  Slot* slots = w.slots[w.turn[lane]++ % 2];
  slots[lane] = mine;
  meet(w.meeting, kLanesPerWarp);
  shown_[lane].slots = slots;
}

void Machine::run(const std::function<void(uint32_t)>& body, uint64_t turns, const std::vector<uint32_t>& ranks) {
  active = this;
  body_ = body;
  finished_ = 0;
  for (auto& cluster : clusters_) *cluster = {std::move(cluster->blocks), 0, {}};
  for (auto& block : blocks_) {
    std::memset(block->shared, 0xff, layout_.sharedBytes);
    const bool runs = ranks.empty() || std::find(ranks.begin(), ranks.end(), block->rank) != ranks.end();
    block->begun = false;
    block->stalledUntil = 0;
    block->living = runs ? layout_.threads : 0;
    block->cluster->living += block->living;
    for (Thread& thread : block->threads) {
      thread.done = !runs;
      finished_ += !runs;
      thread.waitsFor = nullptr;
      if (runs) startThread(thread);
    }
  }
  const uint64_t all = static_cast<uint64_t>(blocks_.size()) * layout_.threads;
  const uint32_t warps = layout_.threads / kLanesPerWarp;
  uint64_t idle = 0;
  while (finished_ < all) {
    Block& block = *blocks_[random(blocks_.size())];
    const uint32_t warp = static_cast<uint32_t>(random(warps));
    bool ran = false;
    for (uint32_t lane = block.stalledUntil > time_ ? kLanesPerWarp : 0; lane < kLanesPerWarp; ++lane) {
      Thread& thread = block.threads[warp * kLanesPerWarp + lane];
      if (!runnable(thread)) continue;
      resume(thread);
      ran = true;
    }
    ++time_;
    idle = ran ? 0 : idle + 1;
    if (idle > 1000 * blocks_.size()) throw std::runtime_error("deadlock: no thread can run");
    if (turns-- == 0)
      throw std::runtime_error("the launch did not end within its turns: livelock, or a bound too small");
  }
}

}  // namespace emulator
