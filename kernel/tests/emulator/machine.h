// A GPU's threads on a CPU: ranks of blocks, alone or in clusters, a fiber a thread, under a seeded adversarial scheduler. The headers in
// kerneltwin/ptx beside this file stand in for the kernel's, so that the whole fused kernel runs here as it is written.
//
// What it finds: wrong indices, fragment maps, swizzles, tables, counts; deadlocks; races that sequentially consistent
// interleavings show. What it cannot find: missing fences, since its memory is one (the explorer's weak memory is for that).
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace emulator {

inline constexpr uint32_t kLanesPerWarp = 32;

/// Threads that wait for each other; the generation counts completed meetings.
struct Meeting {
  uint32_t arrived = 0;
  uint64_t generation = 0;
};

/// An asynchronous copy of 16 bytes that has not landed.
struct PendingCopy {
  char* to;
  const void* from;
};

struct Block;

struct Thread {
  void* stackPointer = nullptr;
  std::unique_ptr<char[]> stack;
  Block* block = nullptr;
  uint32_t index = 0;
  bool done = false;
  const Meeting* waitsFor = nullptr;
  uint64_t waitsSince = 0;
  std::vector<PendingCopy> open;
  std::vector<std::vector<PendingCopy>> groups;  ///< committed, oldest first
};

/// What a lane shows the others of its warp in one collective.
struct Slot {
  uint64_t word[8];
};

struct Warp {
  Meeting meeting;
  Slot slots[2][kLanesPerWarp];   ///< turns: a lane is at most one collective ahead of another
  uint64_t turn[kLanesPerWarp] = {};
};

/// Blocks that reach each other's shared memory.
struct Cluster {
  std::vector<Block*> blocks;
  uint32_t living = 0;   ///< threads that have not ended: those its barrier is for
  Meeting meeting;
};

struct Block {
  uint32_t rank = 0;
  uint32_t index = 0;
  Cluster* cluster = nullptr;
  bool begun = false;      ///< some thread has run: before, its shared memory may still be another block's
  uint32_t living = 0;     ///< threads that have not ended
  uint64_t stalledUntil = 0;
  std::unique_ptr<char[]> storage;
  char* shared = nullptr;
  Meeting meeting;
  std::vector<Warp> warps;
  std::vector<Thread> threads;
};

struct Layout {
  uint32_t ranks;
  uint32_t blocks;
  uint32_t threads;
  uint32_t sharedBytes;
  uint32_t ctas = 1;   ///< blocks of a cluster
};

class Machine {
 public:
  Machine(const Layout& layout, uint64_t seed);

  /// Runs `body(rank)` on every thread of every block to its end. Throws std::runtime_error when nobody can run any more, or
  /// when `turns` scheduler turns did not suffice. Ranks not in `ranks` (empty: all) do not run.
  void run(const std::function<void(uint32_t rank)>& body, uint64_t turns, const std::vector<uint32_t>& ranks = {});

  static Machine& current();
  Thread& thread() { return *running_; }
  Block& block() { return *running_->block; }
  /// Block `rank` of the running thread's cluster, whose shared memory is about to be used. Throws where the GPU says nothing of
  /// what happens: the block has not begun, or has ended.
  Block& neighbour(uint32_t rank);
  Warp& warp() { return block().warps[running_->index / kLanesPerWarp]; }

  /// Lets others run; the caller stays runnable.
  void yield();
  /// As `yield`, one time in `odds`.
  void maybeYield(uint32_t odds);
  /// Waits until `count` threads have come here.
  void meet(Meeting& meeting, uint32_t count);
  /// Waits for all threads of the cluster that have not ended, however many that are by then.
  void meetCluster();

  /// Shows `mine` to the warp and waits until all lanes have; then `slot(lane)` reads what lane showed.
  void show(const Slot& mine);
  const Slot& slot(uint32_t lane) { return *shown_[running_->index % kLanesPerWarp](lane); }

  uint64_t now() { return ++time_; }
  uint64_t random(uint64_t below);

 private:
  struct Shown {
    Slot* slots = nullptr;
    const Slot* operator()(uint32_t lane) const { return &slots[lane]; }
  };

  static void enter();
  void addBlock(uint32_t rank, uint32_t index);
  void startThread(Thread& thread);
  void endThread();
  void resume(Thread& thread);
  bool runnable(const Thread& thread) const;

  Layout layout_;
  std::vector<std::unique_ptr<Cluster>> clusters_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::function<void(uint32_t)> body_;
  std::exception_ptr failure_;
  Thread* running_ = nullptr;
  void* schedulerStack_ = nullptr;
  Shown shown_[kLanesPerWarp];
  uint64_t state_;
  uint64_t time_ = 0;
  uint64_t finished_ = 0;
};

}  // namespace emulator
