#include "machine.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

namespace emulator {

namespace {
Block* active = nullptr;
constexpr size_t kStackBytes = 96 * 1024;
/// Scheduler turns without any progress before a run counts as deadlocked.
constexpr uint64_t kIdleTurns = 100'000;
}  // namespace

Block& Block::current() { return *active; }

Block::Block(uint32_t threads, uint64_t seed)
    : storage_(new char[kSharedBytes + 1024]), state_(seed * 0x9e3779b97f4a7c15ull + 0x1234567) {
  // Shared-memory addresses start at zero here, at a multiple of 1024 on the GPU.
  const uintptr_t base = reinterpret_cast<uintptr_t>(storage_.get());
  shared_ = storage_.get() + ((base + 1023) / 1024 * 1024 - base);
  std::memset(shared_, 0xff, kSharedBytes);
  for (uint32_t i = 0; i < threads; ++i) fibers_.push_back(std::make_unique<Fiber>());
}

uint64_t Block::random(uint64_t below) {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_ % below;
}

void Block::enter() {
  try {
    active->body_();
  } catch (...) {
    if (!active->failure_) active->failure_ = std::current_exception();
  }
  active->fiber().done = true;
  active->progress();
  swapcontext(&active->fiber().context, &active->scheduler_);
}

void Block::yield() { swapcontext(&fiber().context, &scheduler_); }

void Block::run(const std::function<void()>& body) {
  active = this;
  body_ = body;
  for (auto& f : fibers_) {
    f->stack.resize(kStackBytes);
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack.data();
    f->context.uc_stack.ss_size = f->stack.size();
    f->context.uc_link = &scheduler_;
    makecontext(&f->context, reinterpret_cast<void (*)()>(&Block::enter), 0);
  }
  const uint32_t warps = static_cast<uint32_t>(fibers_.size()) / 32;
  for (;;) {
    // A warp runs until each of its lanes has waited once; which warp is next is chance, so that roles drift apart.
    const uint32_t warp = static_cast<uint32_t>(random(warps));
    bool alive = false;
    for (uint32_t lane = 0; lane < 32; ++lane) {
      running_ = warp * 32 + lane;
      if (fiber().done) continue;
      alive = true;
      swapcontext(&scheduler_, &fiber().context);
      if (failure_) std::rethrow_exception(failure_);
    }
    finishCopies(false);
    if (!alive && std::all_of(fibers_.begin(), fibers_.end(), [](const auto& f) { return f->done; })) break;
    if (++idle_ > kIdleTurns) throw std::runtime_error("deadlock: no thread of the block makes progress");
  }
  finishCopies(true);
  for (const auto& f : fibers_) {
    if (!f->groups.empty() || !f->open.empty()) throw std::runtime_error("a thread left with products under way");
  }
}

void Block::meet(uint32_t id, uint32_t threads) {
  Meeting& m = meetings_[id];
  const uint64_t mine = m.generation;
  if (++m.arrived == threads) {
    m.arrived = 0;
    ++m.generation;
    progress();
    return;
  }
  while (m.generation == mine) yield();
}

void Block::initBarrier(uint32_t address, uint32_t count) {
  if (address % 8 != 0) throw std::runtime_error("mbarrier not aligned");
  barriers_[address] = {count, count, 0, 0};
}

void Block::settle(Barrier& b) {
  progress();
  if (b.pending != 0 || b.bytes != 0) return;
  b.pending = b.count;
  ++b.phase;
}

void Block::arrive(uint32_t address, int64_t expectedBytes) {
  Barrier& b = barriers_.at(address);
  if (b.pending == 0) throw std::runtime_error("arrival over the count of mbarrier " + std::to_string(address));
  b.bytes += expectedBytes;
  --b.pending;
  settle(b);
}

bool Block::complete(uint32_t address, uint32_t parity) { return (barriers_.at(address).phase & 1) != (parity & 1); }

void Block::copyLater(uint32_t barrier, uint32_t bytes, std::function<void()> effect) {
  copies_.push_back({barrier, bytes, std::move(effect)});
}

void Block::finishCopies(bool all) {
  while (!copies_.empty() && (all || random(4) == 0)) {
    const size_t i = random(copies_.size());
    Copy copy = std::move(copies_[i]);
    copies_.erase(copies_.begin() + static_cast<ptrdiff_t>(i));
    copy.effect();
    Barrier& b = barriers_.at(copy.barrier);
    b.bytes -= copy.bytes;
    settle(b);
  }
}

float readBf16(const char* shared, uint32_t address) {
  uint16_t bits;
  std::memcpy(&bits, shared + address, 2);
  const uint32_t word = static_cast<uint32_t>(bits) << 16;
  float x;
  std::memcpy(&x, &word, 4);
  return x;
}

namespace {

/// Address of element (row, k) of the operand behind a descriptor: K-major, 128-byte swizzle.
uint32_t elementAddress(uint64_t descriptor, uint32_t row, uint32_t k) {
  if (descriptor >> 62 != 1) throw std::runtime_error("descriptor without the 128-byte swizzle");
  const uint32_t start = static_cast<uint32_t>(descriptor & 0x3fff) << 4;
  const uint32_t stride = static_cast<uint32_t>(descriptor >> 32 & 0x3fff) << 4;
  return swizzleAddress(start + row / 8 * stride + row % 8 * 128 + k * 2);
}

/// This thread's accumulators of one m64nNk16 product.
void compute(const char* shared, uint32_t thread, const Product& p) {
  const uint32_t lane = thread % 32;
  for (uint32_t h = 0; h < 2; ++h) {
    const uint32_t row = thread / 32 % 4 * 16 + h * 8 + lane / 4;
    float a[16];
    for (uint32_t k = 0; k < 16; ++k) a[k] = readBf16(shared, elementAddress(p.a, row, k));
    for (uint32_t j = 0; j < p.tokens / 8; ++j) {
      for (uint32_t i = 0; i < 2; ++i) {
        float sum = p.accumulate ? p.d[4 * j + 2 * h + i] : 0.0f;
        for (uint32_t k = 0; k < 16; ++k) {
          sum += a[k] * readBf16(shared, elementAddress(p.b, 8 * j + lane % 4 * 2 + i, k));
        }
        p.d[4 * j + 2 * h + i] = sum;
      }
    }
  }
}

}  // namespace

void Block::computeUntil(uint32_t groupsLeft) {
  auto& groups = fiber().groups;
  while (groups.size() > groupsLeft) {
    for (const Product& p : groups.front()) compute(shared_, running_, p);
    groups.erase(groups.begin());
    progress();
  }
}

}  // namespace emulator
