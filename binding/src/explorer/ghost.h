// Ghost state: what no actor may use, kept beside the run to judge it. Every check names its invariant.
#pragma once

#include <vector>

#include "kerneltwin/layout/placement.h"
#include "policies.h"
#include "world_config.h"

namespace kerneltwin::explorer {

/// Signals carry the epoch they were sent in above the packet's fields; no actor reads those bits.
inline constexpr uint32_t kGhostShift = kStateBits + kRowsBits + kTilesBits;
static_assert(kGhostShift + 5 <= 64, "a signal's ghost epoch needs five bits");

class Ghost final : public Witness {
 public:
  Ghost(const WorldConfig& config, Explorer& explorer);

  void reset();
  void beginEpoch(uint32_t rank, uint32_t epoch);
  /// Tells every task ran; called when all actors of the rank have left.
  void endEpoch(uint32_t rank);
  void witness(uint32_t fiber, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) override;

  /// Before a signal's store: a real one that was not observed may not be overwritten (S8).
  void beforeSignal(uint32_t dest, uint32_t flag, uint64_t overwritten);
  /// Sender and receiver must mean the same flag by a cell (L5); two signals of one epoch may not share a flag (L2).
  void sendCell(uint32_t rank, uint32_t dest, uint32_t slot, uint32_t flag);
  void sendTile(uint32_t rank, uint32_t dest, uint32_t flag);
  void execute(uint32_t rank, uint32_t task, uint32_t processor);
  /// Where a fiber's memory policy notes the last raw word it has read of each flag.
  uint64_t* flagNotes(uint32_t fiber) { return state_.lastFlag[fiber].data(); }
  /// The location of payload that a signal stands for, as the world maps it.
  class PayloadMap {
   public:
    virtual ~PayloadMap() = default;
    /// Fails S5 when the payload of `flag` in `epoch` at `rank` is not all visible to `fiber`.
    virtual void checkPayload(uint32_t fiber, uint32_t rank, uint32_t flag, uint32_t epoch, uint32_t rows) = 0;
  };
  void payload(PayloadMap* map) { payload_ = map; }

  struct RankState {
    uint32_t epoch = 0;
    uint32_t begun = 0;                    ///< epochs begun
    uint32_t expected = 0;                 ///< tasks the routing asks for
    uint32_t committed = 0;
    uint32_t executed = 0;
    std::vector<uint8_t> runs;             ///< [task]
    std::vector<uint32_t> consumed;        ///< [processor] sequence of the last doorbell taken
    std::vector<uint32_t> rung;            ///< [processor] sequence of the last doorbell rung
    std::vector<uint8_t> ready;            ///< [processor] in the ready queue
    std::vector<uint8_t> surplus;          ///< [peer] subtracted in this epoch
    std::vector<uint32_t> observed;        ///< [flag] epochs up to this one were observed (epoch + 1)
    std::vector<uint32_t> sent;            ///< [flag] epoch + 1 of the last signal sent to it
  };
  struct State {
    std::vector<RankState> ranks;
    std::vector<std::vector<uint64_t>> lastFlag;  ///< [fiber][flag]
    uint64_t hash = 0;
  };
  const State& state() const { return state_; }
  /// Copies into the same buffers: memory policies on fibers point into them.
  void restore(const State& from) { state_ = from; }
  uint64_t hash() const { return state_.hash; }
  /// Heads of a rank's queues, to judge L4; the world owns them.
  void heads(uint32_t rank, const std::vector<uint32_t>* heads) { heads_[rank] = heads; }

 private:
  void observed(uint32_t fiber, uint32_t rank, RankState& r, uint32_t flag, uint32_t b);
  void ready(uint32_t rank, uint32_t queue, uint32_t b);
  void ring(RankState& r, uint32_t rank, uint32_t processor, uint32_t sequence);
  void surplus(RankState& r, uint32_t rank, uint32_t peer, uint32_t rowTiles);
  uint32_t rowTiles(uint32_t epoch, uint32_t source, uint32_t dest) const;
  std::string of(uint32_t rank) const;

  const WorldConfig& c_;
  Explorer& x_;
  Placement placement_;
  State state_;
  PayloadMap* payload_ = nullptr;
  std::vector<const std::vector<uint32_t>*> heads_;      ///< [rank]
};

}  // namespace kerneltwin::explorer
