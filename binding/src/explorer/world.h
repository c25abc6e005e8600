// An explored world: ranks of processors, a scheduler and subscribers that run the kernel's own protocol headers over
// several epochs. Arithmetic is replaced by provenance: a tile's value is a hash of what it was computed from, so a stale,
// lost or doubled input shows in the value as well as in the data-race check.
#pragma once

#include <memory>
#include <vector>

#include "kerneltwin/protocol/processor.h"
#include "kerneltwin/protocol/scheduler.h"
#include "kerneltwin/protocol/send.h"
#include "kerneltwin/protocol/subscriber.h"
#include "policies.h"

namespace kerneltwin::explorer {

/// What a world is made of.
struct WorldConfig {
  Shape shape;
  std::vector<uint32_t> expertBase;   ///< [ranks + 1]
  uint32_t processors = 1;            ///< per rank
  uint32_t subscribers = 1;           ///< per rank
  uint32_t epochs = 1;
  bool eager = true;
  Model model = Model::Weak;
  /// Rows kept: [epoch][source][expert], flattened.
  std::vector<uint32_t> rows;

  uint32_t keptRows(uint32_t epoch, uint32_t source, uint32_t expert) const {
    return rows[(epoch * shape.ranks + source) * shape.experts + expert];
  }
};

/// Returns an empty string, or what is wrong with a configuration.
std::string validate(const WorldConfig& config);

/// Words and scratch of one rank.
struct RankWords {
  uint64_t* flags;
  uint64_t* doorbells;
  uint32_t* status;
  uint64_t* queueRings;                ///< subscribers' rings one after the other, then the processors' ring
  uint32_t* queueTail;
  uint32_t* rowBlockArrivals;
  uint32_t* cellArrivals;
  uint32_t* tokenArrivals;
  uint64_t* barrier;
  uint32_t* bound;
  uint32_t* corrected;
  uint32_t* interrupted;
  uint32_t* osReady;                   ///< stands for the OS block's barrier after its set-up
  // Payload, one location a unit of transfer.
  uint64_t* rowPayload;                ///< [source][slot][row]
  uint64_t* intermediate;              ///< [row block][column tile]
  uint64_t* tilePayload;               ///< [expert][row block][column tile]
  uint64_t* output;                    ///< [token][column tile]
  // Private to one warp each.
  std::vector<uint32_t> heads;
  std::vector<uint32_t> tickets;
  std::vector<uint32_t> slotState;
  std::vector<uint32_t> readyQueue;
  std::vector<std::vector<WatchChunk>> watch;
  std::vector<SubscriberQueue> queues;
  // Ghost state, for checks only.
  std::vector<uint32_t> ownRows;       ///< [expert], of the running epoch
  std::vector<uint32_t> rowTilesTo;    ///< [rank]
  std::vector<uint32_t> runs;          ///< [task] times executed over all epochs
  uint32_t epoch = 0;
};

class World {
 public:
  explicit World(WorldConfig config);

  /// Runs all epochs under `choices`. False: see explorer().failure(). With `events`, records a trace.
  bool run(Choices& choices, std::vector<Event>* events, uint64_t maxSteps);

  const Explorer& explorer() const { return *explorer_; }
  const WorldConfig& config() const { return config_; }
  uint32_t fibersPerRank() const { return config_.processors + 1 + config_.subscribers; }

 private:
  friend class Actor;

  static void enter(void* world, uint32_t fiber);
  void allocateRank(uint32_t rank);
  void beginEpoch(uint32_t rank, uint32_t epoch);
  void endEpoch(uint32_t rank);

  WorldConfig config_;
  std::unique_ptr<Explorer> explorer_;
  std::unique_ptr<Arena> arena_;
  std::vector<RankWords> ranks_;
  std::vector<uint32_t> statusSeed_;
  std::vector<Event>* events_ = nullptr;
};

}  // namespace kerneltwin::explorer
