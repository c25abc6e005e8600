#include "ghost.h"

#include "kerneltwin/protocol/bound.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/queue.h"

namespace kerneltwin::explorer {

Ghost::Ghost(const WorldConfig& config, Explorer& explorer)
    : c_(config), x_(explorer), placement_{config.expertBase.data(), config.shape.ranks}, heads_(config.shape.ranks, nullptr) {
  const Shape& s = c_.shape;
  state_.ranks.resize(s.ranks);
  for (RankState& r : state_.ranks) {
    r.runs.resize(taskSpace(s));
    r.consumed.resize(c_.processors);
    r.rung.resize(c_.processors);
    r.ready.resize(c_.processors);
    r.surplus.resize(s.ranks);
    r.observed.resize(flagCount(s));
    r.sent.resize(flagCount(s));
  }
  state_.lastFlag.assign(static_cast<size_t>(s.ranks) * c_.fibersPerRank(), std::vector<uint64_t>(flagCount(s)));
}

void Ghost::reset() {
  state_.hash = 0;
  for (RankState& r : state_.ranks) {
    r.epoch = r.begun = 0;
    for (auto* v : {&r.consumed, &r.rung, &r.observed, &r.sent}) std::fill(v->begin(), v->end(), 0u);
    for (auto* v : {&r.ready, &r.surplus, &r.runs}) std::fill(v->begin(), v->end(), uint8_t{0});
  }
}

std::string Ghost::of(uint32_t rank) const {
  return " at rank " + std::to_string(rank) + " in epoch " + std::to_string(state_.ranks[rank].epoch);
}

uint32_t Ghost::rowTiles(uint32_t epoch, uint32_t source, uint32_t dest) const {
  uint32_t tiles = 0;
  for (uint32_t e = placement_.base[dest]; e < placement_.base[dest + 1]; ++e) tiles += ceilDiv(c_.keptRows(epoch, source, e), c_.shape.tileRows);
  return tiles;
}

void Ghost::beginEpoch(uint32_t rank, uint32_t epoch) {
  const Shape& s = c_.shape;
  RankState& r = state_.ranks[rank];
  r.epoch = epoch;
  r.begun = epoch + 1;
  r.committed = r.executed = r.expected = 0;
  for (uint32_t p = 0; p < s.ranks; ++p) r.expected += rowTiles(epoch, p, rank) * tasksPerRowBlock(s);
  for (uint32_t e = 0; e < s.experts; ++e) r.expected += ceilDiv(c_.keptRows(epoch, rank, e), s.tileRows) * gemm1Cols(s);
  std::fill(r.runs.begin(), r.runs.end(), uint8_t{0});
  std::fill(r.surplus.begin(), r.surplus.end(), uint8_t{0});
  for (const RankState& other : state_.ranks) {
    if (epoch > other.begun) x_.fail("T3", "rank " + std::to_string(rank) + " began epoch " + std::to_string(epoch) + " while a peer is two behind");
  }
}

void Ghost::endEpoch(uint32_t rank) {
  const RankState& r = state_.ranks[rank];
  if (r.executed == r.expected) return;
  x_.fail("S1", "left after " + std::to_string(r.executed) + " of " + std::to_string(r.expected) + " tasks" + of(rank));
}

void Ghost::execute(uint32_t rank, uint32_t task, uint32_t processor) {
  const auto by = [&] { return "processor " + std::to_string(processor) + of(rank); };
  RankState& r = state_.ranks[rank];
  if (task >= r.runs.size()) x_.fail("S2", "task index " + std::to_string(task) + " out of range, taken by " + by());
  if (r.runs[task] != 0) x_.fail("S1", "task " + std::to_string(task) + " executed twice, by " + by());
  r.runs[task] = 1;
  ++r.executed;
  state_.hash += blend(blend(rank + 1, r.epoch), task);
}

void Ghost::sendCell(uint32_t rank, uint32_t dest, uint32_t slot, uint32_t flag) {
  if (flag != rank * c_.shape.slots + slot) {
    x_.fail("L5", "rank " + std::to_string(rank) + " signals flag " + std::to_string(flag) + " for its cell of slot " + std::to_string(slot) + of(dest));
  }
  sendTile(rank, dest, flag);
}

void Ghost::sendTile(uint32_t rank, uint32_t dest, uint32_t flag) {
  RankState& r = state_.ranks[dest];
  if (flag >= r.sent.size()) x_.fail("L5", "a signal to flag " + std::to_string(flag) + ", which does not exist," + of(dest));
  const uint32_t now = state_.ranks[rank].epoch + 1;
  if (r.sent[flag] == now) x_.fail("L2", "two signals of one epoch share flag " + std::to_string(flag) + of(dest));
  r.sent[flag] = now;
}

void Ghost::beforeSignal(uint32_t dest, uint32_t flag, uint64_t overwritten) {
  if (overwritten == 0 || unpackSignal(overwritten).rows == 0) return;
  const auto epoch = static_cast<uint32_t>(overwritten >> kGhostShift);
  if (state_.ranks[dest].observed[flag] > epoch) return;
  x_.fail("S8", "flag " + std::to_string(flag) + " of epoch " + std::to_string(epoch) + " overwritten unread" + of(dest));
}

void Ghost::observed(uint32_t fiber, uint32_t rank, RankState& r, uint32_t flag, uint32_t b) {
  const uint64_t raw = state_.lastFlag[fiber][flag];
  const auto sent = static_cast<uint32_t>(raw >> kGhostShift);
  const uint32_t state = b >> kSignalRowBits;
  const uint32_t rows = b & ((1u << kSignalRowBits) - 1);
  const bool current = state == epochState(r.epoch);
  if (sent != r.epoch + (current ? 0 : 1)) {
    x_.fail("T3", "flag " + std::to_string(flag) + " of epoch " + std::to_string(sent) + " taken for " + (current ? "current" : "ahead") + of(rank));
  }
  state_.hash -= blend(blend(rank + 101, flag), r.observed[flag]);
  r.observed[flag] = r.epoch + 1;
  state_.hash += blend(blend(rank + 101, flag), r.observed[flag]);
  if (current && rows != 0 && payload_ != nullptr) payload_->checkPayload(fiber, rank, flag, r.epoch, rows);
}

void Ghost::ready(uint32_t rank, uint32_t queue, uint32_t b) {
  const uint32_t ticket = b >> kReadyCountBits;
  const uint32_t capacity = queue < c_.subscribers ? subscriberQueueCapacity(c_.shape) : processorQueueCapacity(c_.shape);
  const uint32_t waiting = (ticket - (*heads_[rank])[queue]) & ((1u << (32 - kReadyCountBits)) - 1);
  if (waiting >= capacity) {
    x_.fail("L4", "queue " + std::to_string(queue) + " holds " + std::to_string(capacity) + " entries and is given one more" + of(rank));
  }
}

void Ghost::ring(RankState& r, uint32_t rank, uint32_t processor, uint32_t sequence) {
  if (sequence == r.rung[processor]) x_.fail("S6", "two doorbells in a row with sequence " + std::to_string(sequence) + " to processor " + std::to_string(processor) + of(rank));
  if (r.consumed[processor] != r.rung[processor]) {
    x_.fail("S6", "doorbell of processor " + std::to_string(processor) + " overwritten before it was taken" + of(rank));
  }
  r.rung[processor] = sequence;
}

void Ghost::surplus(RankState& r, uint32_t rank, uint32_t peer, uint32_t rowTilesSeen) {
  if (r.surplus[peer]++ != 0) x_.fail("T2", "surplus of peer " + std::to_string(peer) + " subtracted twice" + of(rank));
  if (rowTilesSeen != rowTiles(r.epoch, peer, rank)) {
    x_.fail("T2", "peer " + std::to_string(peer) + " counted with " + std::to_string(rowTilesSeen) + " row blocks instead of " +
                      std::to_string(rowTiles(r.epoch, peer, rank)) + of(rank));
  }
}

void Ghost::witness(uint32_t fiber, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) {
  const uint32_t rank = fiber / c_.fibersPerRank();
  const uint32_t role = fiber % c_.fibersPerRank();
  RankState& r = state_.ranks[rank];
  switch (kind) {
    case EventKind::SignalObserved: observed(fiber, rank, r, a, b); break;
    case EventKind::TasksReady: ready(rank, aux, b); break;
    case EventKind::Surplus: surplus(r, rank, aux, a); break;
    case EventKind::ProcessorReady:
      if (r.ready[aux]++ != 0) x_.fail("S7", "processor " + std::to_string(aux) + " is in the ready queue twice" + of(rank));
      break;
    case EventKind::TaskCommitted:
      if (aux >= c_.processors || r.ready[aux] == 0) x_.fail("S7", "a task was committed to processor " + std::to_string(aux) + ", which is not in the ready queue" + of(rank));
      r.ready[aux] = 0;
      ++r.committed;
      ring(r, rank, aux, b);
      break;
    case EventKind::Interrupt:
      if (r.committed != r.expected) {
        x_.fail("T4", "interrupted after " + std::to_string(r.committed) + " of " + std::to_string(r.expected) + " tasks were scheduled" + of(rank));
      }
      if ((aux & 0x8000) == 0) {
        r.ready[aux] = 0;
        ring(r, rank, aux, b);
      }
      break;
    case EventKind::TaskConsumed: r.consumed[role] = b; break;
    case EventKind::Exit:
      if (role < c_.processors) r.consumed[role] = b;
      break;
    default: break;
  }
}

}  // namespace kerneltwin::explorer
