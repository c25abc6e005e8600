// The asynchronous units of an emulated block: mbarriers, the bulk copy engine and the tensor cores behind wgmma, as the PTX
// manual describes them and as late as it allows: a copy poisons its target when it starts and lands some time later; products
// read their operands when a wait demands them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "machine.h"

namespace emulator {

/// A product that was issued and not yet computed.
struct Product {
  float* d;
  uint64_t weights;
  uint64_t tokens;
  uint32_t width;
  bool accumulate;
  bool half;   ///< operands are fp16, not bf16
};

class Tensor {
 public:
  /// That of the running thread's block.
  static Tensor& current();
  static Tensor& of(const Block& block);
  /// All blocks forget theirs: before a launch.
  static void reset();

  void initBarrier(uint32_t address, uint32_t count);
  /// One arrival, which also adds `bytes` to what the phase waits for.
  void arrive(uint32_t address, int64_t bytes);
  /// An arrival from another block of the cluster. With one that `releases` its writes, waits must acquire them from there.
  void arriveFromCluster(uint32_t address, bool releases);
  /// True when the phase of that parity is over. A failed look lets copies land and others run. `acquiresCluster`: also what other
  /// blocks of the cluster released.
  bool look(uint32_t address, uint32_t parity, bool acquiresCluster);

  /// `effect` happens at some later moment; then `bytes` are counted on the barrier.
  void copyLater(uint32_t barrier, uint32_t bytes, std::function<void()> effect);

  void issue(const Product& product);
  void commit();
  /// Computes until at most `left` groups of the running thread are under way.
  void computeUntil(uint32_t left);

  /// Waits at named barrier `id` for `threads` threads.
  void meet(uint32_t id, uint32_t threads);
  /// Counts as one of them without waiting.
  void pass(uint32_t id, uint32_t threads);

 private:
  struct Barrier {
    uint32_t count;
    uint32_t pending;
    int64_t bytes;
    uint32_t phase;
    bool ofCluster;   ///< blocks of the cluster release their writes to its waiters
  };
  struct Copy {
    uint32_t barrier;
    uint32_t bytes;
    std::function<void()> effect;
  };
  struct Products {
    std::vector<Product> open;
    std::vector<std::vector<Product>> groups;   ///< committed, oldest first
  };

  Barrier& barrier(uint32_t address);
  void settle(Barrier& barrier);
  void landSome();

  std::map<uint32_t, Barrier> barriers_;
  std::map<uint32_t, Meeting> meetings_;
  std::map<uint32_t, Products> products_;
  std::vector<Copy> copies_;
};

/// Address of byte `linear` of a tile in the 128-byte swizzle: address bits 4 to 6 are XORed with bits 7 to 9.
inline uint32_t swizzleAddress(uint32_t linear) { return linear ^ (linear >> 7 & 7) << 4; }

}  // namespace emulator
