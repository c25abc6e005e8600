// An expert-parallel world on the emulator: buffers of all ranks in this process, launches of the real kernel, and an fp64
// reference by plain loops.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kerneltwin/actors/launch_args.h"

namespace emulator {

using namespace kerneltwin;

struct Config {
  std::string name;
  uint32_t ranks = 1;
  uint32_t blocks = 3;
  std::vector<uint32_t> placement;   ///< ranks + 1
  std::vector<uint32_t> tokens;      ///< of each rank
  uint32_t hidden = 64;
  uint32_t intermediate = 64;
  uint32_t topK = 2;
  uint32_t tileRows = 128;
  uint32_t tileCols = 128;
  uint32_t keep = 0;                 ///< rows kept for one expert; 0: dropless
  uint32_t capacity = 0;             ///< rows of a cell; 0: what `keep` or the tokens need
  bool given = false;                ///< choices are input, not the router's
  bool hot = false;                  ///< given: every token to experts 0, 1, ...
  bool eager = true;
  Scheduling scheduling = Scheduling::Interleave;
  bool put = false;
  bool wgmma = false;                ///< GEMMs on wgmma: tiles of up to 128 x 128 or 64 x 256; larger ones by pairs
  bool bias = true;
  bool renormalise = true;
  Activation activation = Activation::Silu;
  uint32_t launches = 2;
  bool alone = false;                ///< only rank 0 launches
};

/// Aligned as device memory is; filled with a pattern that is NaN as bf16 and as float.
template <class T>
class Buffer {
 public:
  explicit Buffer(uint64_t count = 0, int fill = 0xff)
      : storage_(count * sizeof(T) + 128, static_cast<char>(fill)), count_(count) {}
  T* get() { return reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(storage_.data()) + 127) & ~uintptr_t{127}); }
  T& operator[](uint64_t i) { return get()[i]; }
  uint64_t count() const { return count_; }
  bool allZero() {
    for (uint64_t i = 0; i < count_ * sizeof(T); ++i) {
      if (reinterpret_cast<char*>(get())[i] != 0) return false;
    }
    return true;
  }

 private:
  std::vector<char> storage_;
  uint64_t count_;
};

struct Rank {
  Buffer<bf16> x, wg, w1, w2, out, heap, intermediate;
  Buffer<float> b1, b2, scales;
  Buffer<uint32_t> choices, rows, counts, ownRows, entryOfRow, cellArrivals, rowBlockArrivals, tokenArrivals, status,
      processorTail, tickets, heads, placement;
  Buffer<uint64_t> flags, barrier, doorbells, processorRing, subscriberRings;
  Buffer<bf16*> peerHeaps;
  Buffer<uint64_t*> peerFlags;
  Buffer<WatchChunk> watch;
  Buffer<OsReport> osReport;
  Buffer<AbortWords> abort;
  Buffer<TraceRingHeader> ringHeaders;
  Buffer<TraceRecord> ringRecords;
  LaunchArgs args;
};

class World {
 public:
  World(const Config& config, uint64_t seed);

  /// One launch on every rank, interleaved by `seed`. `tokens` per rank. `keeps`, if given, are the rows each rank may keep for
  /// one expert. Throws on any broken rule.
  void launch(const std::vector<uint32_t>& tokens, uint64_t seed, const std::vector<uint32_t>& keeps = {});
  /// Launches on rank 0 alone: it must abort by deadline and leave.
  void launchAlone(uint64_t seed);
  /// Compares the last launch with the reference; throws std::runtime_error naming what is wrong. Returns the error.
  double check();
  /// Bits of all outputs.
  std::vector<uint16_t> outputs();
  uint64_t dropped() const { return dropped_; }
  const Shape& shape() const { return shape_; }
  uint32_t subscribers() const { return config_.wgmma ? WgmmaBlock::kSubscribers : MmaBlock::kSubscribers; }
  Rank& rank(uint32_t r) { return ranks_[r]; }

 private:
  void allocate(Rank& r, uint32_t rank);
  void fill(Rank& r, uint32_t rank, uint64_t seed);
  void prepare(const std::vector<uint32_t>& tokens, const std::vector<uint32_t>& keeps);
  void run(uint64_t seed, const std::vector<uint32_t>& ranks);
  template <class Tile>
  void runWgmma(uint64_t seed, const std::vector<uint32_t>& ranks);
  void checkQuiet();
  void checkRouting(Rank& r, uint32_t tokens, uint32_t keep);
  std::vector<double> reference(Rank& r, uint32_t tokens);

  Config config_;
  Shape shape_;
  uint32_t processors_;
  uint32_t epoch_ = 0;
  uint64_t dropped_ = 0;
  std::vector<uint32_t> tokens_;
  std::vector<uint32_t> keeps_;
  std::vector<Rank> ranks_;
};

}  // namespace emulator
