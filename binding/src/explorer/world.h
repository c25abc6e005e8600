// An explored world: ranks of processors, a scheduler and subscribers that run the kernel's own protocol headers over
// several epochs. Arithmetic is replaced by provenance: a tile's value is a hash of what it was computed from, so a stale,
// lost or doubled input shows in the value as well as in the data-race check.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "kerneltwin/protocol/processor.h"
#include "kerneltwin/protocol/scheduler.h"
#include "kerneltwin/protocol/send.h"
#include "kerneltwin/protocol/subscriber.h"
#include "ghost.h"
#include "lane_warp.h"
#include "policies.h"
#include "world_config.h"

namespace kerneltwin::explorer {

/// A put with signal that was issued: its payload moves in any order, then its signal.
struct PutOp {
  std::vector<std::pair<Location, Location>> words;  ///< from the sender's stage, to the peer's cell
  uint32_t by;                                       ///< processor that issued it
  uint32_t dest;
  uint32_t flag;
  uint64_t signal;
  std::vector<Time> view;                            ///< what the issuer had seen
};

/// Words and scratch of one rank.
struct RankWords {
  uint64_t* flags;
  uint64_t* doorbells;
  uint32_t* status;
  std::vector<uint64_t*> queueRings;   ///< [subscribers + 1] the last is the processors'
  uint32_t* queueTail;
  uint32_t* rowBlockArrivals;
  uint32_t* cellArrivals;
  uint32_t* tokenArrivals;
  uint64_t* barrier;
  uint32_t* bound;
  uint32_t* corrected;
  uint32_t* interrupted;
  uint32_t* osReady;                   ///< stands for the OS block's barrier after its set-up
  uint32_t* outbox;                    ///< puts issued so far; the last value closes it
  uint32_t* putsDone;                  ///< [processors] of the puts it issued
  // Payload, one location a unit of transfer.
  std::vector<Location> heap;          ///< [element offset / 64] kNowhere where no row or tile of the routing lies
  uint64_t* intermediate;              ///< [row block][column tile]
  uint64_t* output;                    ///< [token][column tile]
  // Private to one warp each.
  std::vector<uint32_t> heads;
  std::vector<uint32_t> tickets;
  std::vector<uint32_t> slotState;
  std::vector<uint32_t> tileDue;
  std::vector<uint32_t> readyLists;    ///< [kReadyLists][room of one]
  std::vector<uint32_t> backlogs;      ///< [kTaskClasses][WorldConfig::backlog]
  std::vector<std::vector<WatchChunk>> watch;
  std::vector<SubscriberQueue> queues;
  std::vector<const SubscriberState*> subscriberStates;  ///< while they run
  const SchedulerRun* schedulerRun = nullptr;
  std::vector<LaneViews> lanes;        ///< the scheduler's, then the subscribers'
  std::deque<PutOp> puts;
  // Routing of the running epoch.
  std::vector<uint32_t> ownRows;       ///< [expert]
  std::vector<uint32_t> rowTilesTo;    ///< [rank]
  uint32_t epoch = 0;
};

class World : private PrivateState, private Ghost::PayloadMap {
 public:
  explicit World(WorldConfig config);

  /// Empty, or why the world cannot be explored.
  const std::string& problem() const { return problem_; }

  /// Runs all epochs under `choices`. False: see explorer().failure(). With `events`, records a trace.
  bool run(Choices& choices, std::vector<Event>* events, uint64_t maxSteps);
  /// Starts a run that the caller drives; sequentially consistent worlds with direct stores only.
  void start(Choices& choices, uint64_t maxSteps);
  uint64_t stateHash() const { return blend(explorer_->stateHash(), ghost_->hash()); }

  struct Saved;
  void save(Saved& out) const;
  void restore(const Saved& from);

  Explorer& explorer() { return *explorer_; }
  const Explorer& explorer() const { return *explorer_; }
  const WorldConfig& config() const { return config_; }

 private:
  friend class Actor;

  static void enter(void* world, uint32_t fiber);
  void reset(std::vector<Event>* events);
  void allocateRank(uint32_t rank);
  void allocateHeap(uint32_t rank);
  void registerLanes(RankWords& w);
  /// An address where no row or tile lies: in a cell that has some it left its rows (L6), else it is in the wrong cell (L5).
  [[noreturn]] void failAddress(uint32_t owner, uint64_t offset, const std::string& by);
  void beginEpoch(uint32_t rank, uint32_t epoch);
  uint64_t privateHash(uint32_t fiber, uint64_t lastRead) const override;
  void checkPayload(uint32_t fiber, uint32_t rank, uint32_t flag, uint32_t epoch, uint32_t rows) override;
  void hashScheduler(uint64_t& h, const RankWords& w) const;

  WorldConfig config_;
  std::unique_ptr<Explorer> explorer_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Ghost> ghost_;
  std::vector<RankWords> ranks_;
  std::vector<PutOp> inFlight_;        ///< [fiber] of put engines
  std::vector<Event>* events_ = nullptr;
  std::string problem_;

 public:
  struct RankSaved {
    std::vector<uint32_t> heads, tickets, slotState, tileDue, readyLists, ownRows, rowTilesTo;
    std::vector<uint32_t> backlogs;
    std::vector<std::vector<WatchChunk>> watch;
    std::vector<const SubscriberState*> subscriberStates;
    const SchedulerRun* schedulerRun;
    uint32_t epoch;
  };
  struct Saved {
    Explorer::Saved explorer;
    Ghost::State ghost;
    std::vector<RankSaved> ranks;
  };
};

}  // namespace kerneltwin::explorer
