// One thread block on a CPU: a fiber a thread, shared memory, mbarriers, the copy engine and asynchronous products, as the PTX
// manual describes them, scheduled adversarially from a seed. The headers in kerneltwin/ptx beside this file stand in for
// those of the kernel, so that the pipeline's own code runs here unchanged.
//
// What it finds: wrong addresses, descriptors, swizzles and fragment maps; stages read before they are full or refilled before
// they are read (a copy poisons its target when it is started and writes it some time later; products read their operands as
// late as their wait allows); lost phases, deadlocks. What it cannot find: missing fences, since its memory is one.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace emulator {

inline constexpr uint32_t kSharedBytes = 227 * 1024;

struct Barrier {
  uint32_t count = 0;
  uint32_t pending = 0;
  int64_t bytes = 0;
  uint32_t phase = 0;
};

/// A product that was issued and not yet computed.
struct Product {
  float* d;
  uint64_t a;
  uint64_t b;
  uint32_t tokens;
  bool accumulate;
};

struct Fiber {
  ucontext_t context;
  std::vector<char> stack;
  bool done = false;
  std::vector<std::vector<Product>> groups;   ///< committed, oldest first
  std::vector<Product> open;
  uint64_t exchange = 0;                      ///< what the warp's other lanes may read
};

/// Threads that meet: generation counts completed meetings.
struct Meeting {
  uint32_t arrived = 0;
  uint64_t generation = 0;
};

class Block {
 public:
  Block(uint32_t threads, uint64_t seed);

  /// Runs `body` on every thread to its end. Throws std::runtime_error on a deadlock or a broken rule.
  void run(const std::function<void()>& body);

  static Block& current();
  uint32_t thread() const { return running_; }
  Fiber& fiber() { return *fibers_[running_]; }
  Fiber& fiber(uint32_t thread) { return *fibers_[thread]; }

  char* shared() { return shared_; }
  uint32_t addressOf(const void* p) const { return static_cast<uint32_t>(static_cast<const char*>(p) - shared_); }

  /// Lets other threads run.
  void yield();
  /// All `threads` that name `id` meet here.
  void meet(uint32_t id, uint32_t threads);

  void initBarrier(uint32_t address, uint32_t count);
  void arrive(uint32_t address, int64_t expectedBytes);
  bool complete(uint32_t address, uint32_t parity);

  /// Starts a copy: `effect` runs at some later moment, then `bytes` are counted on `barrier`.
  void copyLater(uint32_t barrier, uint32_t bytes, std::function<void()> effect);

  void computeUntil(uint32_t groupsLeft);
  uint64_t random(uint64_t below);
  uint64_t clock() { return ++ticks_; }
  void progress() { idle_ = 0; }

 private:
  struct Copy {
    uint32_t barrier;
    uint32_t bytes;
    std::function<void()> effect;
  };

  static void enter();
  void finishCopies(bool all);
  void settle(Barrier& barrier);

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::unique_ptr<char[]> storage_;
  char* shared_;
  std::map<uint32_t, Barrier> barriers_;
  std::map<uint32_t, Meeting> meetings_;
  std::vector<Copy> copies_;
  std::function<void()> body_;
  std::exception_ptr failure_;
  ucontext_t scheduler_;
  uint32_t running_ = 0;
  uint64_t state_;
  uint64_t ticks_ = 0;
  uint64_t idle_ = 0;
};

/// Address of byte `linear` of a tile in the 128-byte swizzle: address bits 4 to 6 are XORed with bits 7 to 9.
inline uint32_t swizzleAddress(uint32_t linear) { return linear ^ (linear >> 7 & 7) << 4; }

float readBf16(const char* shared, uint32_t address);

}  // namespace emulator
