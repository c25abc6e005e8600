#include "world.h"

#include "actor.h"
#include "provenance.h"

namespace kerneltwin::explorer {

World::World(WorldConfig config) : config_(std::move(config)) {
  const Shape& s = config_.shape;
  explorer_ = std::make_unique<Explorer>(config_.model, s.ranks * config_.fibersPerRank());
  arena_ = std::make_unique<Arena>();
  ghost_ = std::make_unique<Ghost>(config_, *explorer_);
  ghost_->payload(this);
  inFlight_.resize(explorer_->fibers());
  ranks_.resize(s.ranks);
  for (uint32_t r = 0; r < s.ranks && problem_.empty(); ++r) allocateRank(r);
  for (uint32_t r = 0; r < s.ranks; ++r) ghost_->heads(r, &ranks_[r].heads);
}

void World::allocateRank(uint32_t rank) {
  const Shape& s = config_.shape;
  RankWords& w = ranks_[rank];
  Memory& m = explorer_->memory;
  const auto take = [&](auto*& words, uint64_t count, uint32_t stride = 1) {
    words = arena_->allocate<std::remove_reference_t<decltype(*words)>>(m, static_cast<uint32_t>(count), stride);
    if (words == nullptr) problem_ = "the world has more words than the explorer holds";
  };
  const uint32_t rowBlockCount = s.slots * s.ranks * cellRowBlocks(s);
  take(w.flags, flagCount(s));
  take(w.doorbells, config_.processors, kDoorbellStride);
  take(w.status, config_.processors);
  w.queueRings.resize(config_.subscribers + 1);
  for (uint32_t i = 0; i <= config_.subscribers; ++i) {
    const uint32_t capacity = i < config_.subscribers ? subscriberQueueCapacity(s) : processorQueueCapacity(s);
    take(w.queueRings[i], capacity);
    if (i < config_.subscribers) w.queues.push_back({w.queueRings[i], capacity - 1});
  }
  take(w.queueTail, 1);
  take(w.rowBlockArrivals, rowBlockCount);
  take(w.cellArrivals, s.experts);
  take(w.tokenArrivals, static_cast<uint64_t>(s.tokens) * gemm1Cols(s));
  take(w.barrier, 1);
  take(w.bound, 1);
  take(w.corrected, ceilDiv(s.ranks, 32));
  take(w.interrupted, 1);
  take(w.osReady, 1);
  take(w.outbox, 1);
  take(w.putsDone, config_.processors);
  take(w.intermediate, static_cast<uint64_t>(rowBlockCount) * gemm0Cols(s));
  take(w.output, static_cast<uint64_t>(s.tokens) * gemm1Cols(s));
  if (!problem_.empty()) return;
  for (uint32_t p = 0; p < config_.processors; ++p) m.setInitial(arena_->locate(&w.status[p]), initialStatus(config_.eager));
  w.watch.assign(config_.subscribers, std::vector<WatchChunk>(watchListCapacity(s) + kPollChunks));
  w.slotState.resize(config_.processors);
  w.tileDue.resize(config_.processors);
  w.readyLists.resize(kReadyLists * roundUpPow2(config_.processors));
  w.backlogs.resize(kTaskClasses * config_.backlog);
  w.heads.resize(config_.subscribers + 1);
  w.tickets.resize(config_.subscribers);
  w.subscriberStates.resize(config_.subscribers);
  w.ownRows.resize(s.experts);
  w.rowTilesTo.resize(s.ranks);
  registerLanes(w);
  allocateHeap(rank);
}

void World::registerLanes(RankWords& w) {
  if (config_.lanes != Lanes::Views) return;
  w.lanes.assign(1 + config_.subscribers, LaneViews(*explorer_));
  w.lanes[0].add(w.heads.data(), w.heads.size() * sizeof(uint32_t));
  w.lanes[0].add(w.slotState.data(), w.slotState.size() * sizeof(uint32_t));
  w.lanes[0].add(w.tileDue.data(), w.tileDue.size() * sizeof(uint32_t));
  w.lanes[0].add(w.readyLists.data(), w.readyLists.size() * sizeof(uint32_t));
  w.lanes[0].add(w.backlogs.data(), w.backlogs.size() * sizeof(uint32_t));
  for (uint32_t i = 0; i < config_.subscribers; ++i) {
    w.lanes[1 + i].add(w.watch[i].data(), w.watch[i].size() * sizeof(WatchChunk));
  }
}

/// Rows and tiles that some epoch's routing brings to this rank, and the stages they leave from. What the heap's index
/// functions must map to distinct places is written out here from the layout's definition, not by calling them.
void World::allocateHeap(uint32_t rank) {
  const Shape& s = config_.shape;
  ranks_[rank].heap.assign(heapElements(s) / 64, kNowhere);
  const auto cell = [&](uint64_t peer, uint64_t round, uint64_t stage, uint64_t slot) {
    return ((peer * 2 + round) * 2 + stage) * s.slots + slot;
  };
  const auto cellElements = static_cast<uint64_t>(s.capacity) * s.hidden;
  const auto most = [&](uint32_t source, uint32_t expert) {
    uint32_t rows = 0;
    for (uint32_t e = 0; e < config_.epochs; ++e) rows = std::max(rows, config_.keptRows(e, source, expert));
    return rows;
  };
  const auto map = [&](uint64_t offset) {
    Location& at = ranks_[rank].heap[offset / 64];
    if (explorer_->memory.locations() + 1 >= kNowhere) problem_ = "the world has more rows than the explorer holds";
    else if (at == kNowhere) at = explorer_->memory.allocate(1);
  };
  const auto mapRows = [&](uint64_t c, uint32_t rows) {
    for (uint32_t r = 0; r < rows; ++r) map(c * cellElements + static_cast<uint64_t>(r) * s.hidden);
  };
  const auto mapTiles = [&](uint64_t c, uint32_t rows) {
    for (uint32_t begin = 0; begin < s.hidden; begin += s.tileCols) {
      const uint64_t width = std::min(s.tileCols, s.hidden - begin);
      for (uint32_t r = 0; r < rows; r += kRowStep) map(c * cellElements + static_cast<uint64_t>(begin) * s.capacity + r * width);
    }
  };
  for (uint32_t peer = 0; peer < s.ranks; ++peer) {
    for (uint32_t e = config_.expertBase[rank]; e < config_.expertBase[rank + 1]; ++e) {
      const uint32_t slot = e - config_.expertBase[rank];
      mapRows(cell(peer, 0, 1, slot), most(peer, e));
      if (config_.puts > 0) mapTiles(cell(peer, 1, 0, slot), most(peer, e));
    }
    for (uint32_t e = config_.expertBase[peer]; e < config_.expertBase[peer + 1]; ++e) {
      const uint32_t slot = e - config_.expertBase[peer];
      mapTiles(cell(peer, 1, 1, slot), most(rank, e));
      if (config_.puts > 0) mapRows(cell(peer, 0, 0, slot), most(rank, e));
    }
  }
}

void World::failAddress(uint32_t owner, uint64_t offset, const std::string& by) {
  const Shape& s = config_.shape;
  const uint64_t units = static_cast<uint64_t>(s.capacity) * s.hidden / 64;
  const auto& heap = ranks_[owner].heap;
  const uint64_t first = offset / 64 / units * units;
  bool used = false;
  for (uint64_t i = first; i < first + units && i < heap.size(); ++i) used = used || heap[i] != kNowhere;
  if (used) explorer_->fail("L6", "an address of a cell of rank " + std::to_string(owner) + " where none of its rows lies, made by " + by);
  explorer_->fail("L5", "an address of a cell of rank " + std::to_string(owner) + " that nobody sends to, made by " + by);
}

void World::beginEpoch(uint32_t rank, uint32_t epoch) {
  RankWords& w = ranks_[rank];
  const Shape& s = config_.shape;
  const Placement placement{config_.expertBase.data(), s.ranks};
  w.epoch = epoch;
  for (uint32_t e = 0; e < s.experts; ++e) w.ownRows[e] = config_.keptRows(epoch, rank, e);
  for (uint32_t r = 0; r < s.ranks; ++r) w.rowTilesTo[r] = announcedRowTiles(s, placement, w.ownRows.data(), r);
  ghost_->beginEpoch(rank, epoch);
}

/// S5, checked when the signal is taken in: its whole payload must be there and visible.
void World::checkPayload(uint32_t fiber, uint32_t rank, uint32_t flag, uint32_t epoch, uint32_t rows) {
  const Shape& s = config_.shape;
  const Placement placement{config_.expertBase.data(), s.ranks};
  const auto check = [&](uint64_t offset, uint64_t value) {
    const Location at = offset / 64 < ranks_[rank].heap.size() ? ranks_[rank].heap[offset / 64] : kNowhere;
    if (at == kNowhere) explorer_->fail("S5", "a signal stands for payload that no routing asks for, at rank " + std::to_string(rank));
    if (explorer_->memory.ordered(fiber, at) && explorer_->memory.peek(at) == value) return;
    explorer_->fail("S5", "a signal was observed before its whole payload, at rank " + std::to_string(rank) + " in epoch " + std::to_string(epoch));
  };
  if (flag < dispatchFlags(s)) {
    const uint32_t source = flag / s.slots;
    const uint32_t slot = flag % s.slots;
    const Provenance from{s, epoch, source, placement.globalExpert(rank, slot), rows};
    const uint64_t cell = cellIndex(s, source, Round::Dispatch, Stage::Incoming, slot);
    for (uint32_t r = 0; r < rows; ++r) check(dispatchOffset(s, cell, r, 0), from.row(r));
    return;
  }
  const uint32_t tile = flag - dispatchFlags(s);
  const uint32_t expert = tile / gemm1Cols(s) / cellRowBlocks(s);
  const uint32_t block = tile / gemm1Cols(s) % cellRowBlocks(s);
  const uint32_t col = tile % gemm1Cols(s);
  const ExpertHome home = placement.home(expert);
  const uint32_t kept = config_.keptRows(epoch, rank, expert);
  const Provenance from{s, epoch, rank, expert, kept};
  const RowSpan span = rowSpan(s, kept, block);
  const uint64_t cell = cellIndex(s, home.rank, Round::Combine, Stage::Incoming, home.slot);
  for (uint32_t r = span.begin; r < span.begin + span.count; r += kRowStep) {
    check(combineOffset(s, cell, r, col * s.tileCols), stir(from.tile(block, col), r));
  }
}

void World::enter(void* world, uint32_t fiber) { Actor(*static_cast<World*>(world), fiber).live(); }

void World::reset(std::vector<Event>* events) {
  events_ = events;
  ghost_->reset();
  for (RankWords& w : ranks_) {
    std::fill(w.heads.begin(), w.heads.end(), 0u);
    std::fill(w.tickets.begin(), w.tickets.end(), 0u);
    std::fill(w.subscriberStates.begin(), w.subscriberStates.end(), nullptr);
    w.schedulerRun = nullptr;
    w.puts.clear();
  }
}

bool World::run(Choices& choices, std::vector<Event>* events, uint64_t maxSteps) {
  reset(events);
  // Only with lanes that go up is all of a warp's private state in one place, to be compared.
  return explorer_->run(&World::enter, this, choices, maxSteps, config_.lanes == Lanes::Up ? this : nullptr);
}

void World::start(Choices& choices, uint64_t maxSteps) {
  reset(nullptr);
  explorer_->start(&World::enter, this, choices, maxSteps, *this);
}

// State identity.

void World::hashScheduler(uint64_t& h, const RankWords& w) const {
  for (const uint32_t head : w.heads) h = blend(h, head);
  if (w.schedulerRun == nullptr) return;
  const SchedulerRun& run = *w.schedulerRun;
  h = blend(h, run.scheduled);
  for (const uint32_t slot : w.slotState) h = blend(h, slot);
  for (const uint32_t due : w.tileDue) h = blend(h, due);
  // What the rings hold, not where in them: places behind the heads are never read again.
  const auto ring = [&](const RingSpan& span, const uint32_t* words, size_t room) {
    h = blend(h, span.count());
    for (uint32_t i = span.head; i != span.tail; ++i) h = blend(h, words[i & (room - 1)]);
  };
  const size_t room = w.readyLists.size() / kReadyLists;
  for (uint32_t list = 0; list < kReadyLists; ++list) ring(run.ready[list], &w.readyLists[list * room], room);
  for (uint32_t c = 0; c < kTaskClasses; ++c) ring(run.backlog[c], &w.backlogs[c * config_.backlog], config_.backlog);
}

uint64_t World::privateHash(uint32_t fiber, uint64_t lastRead) const {
  const RankWords& w = ranks_[fiber / config_.fibersPerRank()];
  const uint32_t role = fiber % config_.fibersPerRank();
  uint64_t h = blend(w.epoch, role);
  if (role < config_.processors) return blend(h, lastRead);  // a processor holds the last doorbell it took
  if (role == config_.processors) {
    hashScheduler(h, w);
    return h;
  }
  if (role > config_.processors + config_.subscribers) {
    for (const PutOp& op : w.puts) h = blend(blend(h, op.signal), static_cast<uint64_t>(op.dest) << 32 | op.flag);
    return h;
  }
  const uint32_t index = role - config_.processors - 1;
  const SubscriberState* st = w.subscriberStates[index];
  h = blend(h, st != nullptr ? st->ticket : w.tickets[index]);
  if (st == nullptr) return h;
  for (uint32_t c = 0; c < st->watched; ++c) h = blend(h, static_cast<uint64_t>(st->watch[c].first) << 32 | st->watch[c].pending);
  return h;
}

void World::save(Saved& out) const {
  explorer_->save(out.explorer);
  out.ghost = ghost_->state();
  out.ranks.resize(ranks_.size());
  for (size_t r = 0; r < ranks_.size(); ++r) {
    const RankWords& w = ranks_[r];
    out.ranks[r] = {w.heads, w.tickets, w.slotState, w.tileDue, w.readyLists, w.ownRows, w.rowTilesTo, w.backlogs, w.watch, w.subscriberStates, w.schedulerRun, w.epoch};
  }
}

/// Vectors are assigned, not swapped: actors on fibers point into them, and equal sizes keep their storage.
void World::restore(const Saved& from) {
  explorer_->restore(from.explorer);
  ghost_->restore(from.ghost);
  for (size_t r = 0; r < ranks_.size(); ++r) {
    RankWords& w = ranks_[r];
    const RankSaved& s = from.ranks[r];
    w.heads = s.heads;
    w.tickets = s.tickets;
    w.slotState = s.slotState;
    w.tileDue = s.tileDue;
    w.readyLists = s.readyLists;
    w.backlogs = s.backlogs;
    w.ownRows = s.ownRows;
    w.rowTilesTo = s.rowTilesTo;
    for (size_t i = 0; i < w.watch.size(); ++i) w.watch[i] = s.watch[i];
    w.subscriberStates = s.subscriberStates;
    w.schedulerRun = s.schedulerRun;
    w.epoch = s.epoch;
  }
}

}  // namespace kerneltwin::explorer
