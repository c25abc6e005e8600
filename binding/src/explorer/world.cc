#include "world.h"

namespace kerneltwin::explorer {

namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t z = (a ^ (b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2))) + 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/// Provenance of the values a correct run produces, computed from the routing alone.
struct Provenance {
  const Shape& s;
  uint32_t epoch;
  uint32_t source;
  uint32_t expert;  ///< global
  uint32_t rows;

  uint64_t row(uint32_t r) const { return mix(mix(mix(epoch + 1, source), expert), r); }
  uint64_t block(uint32_t b) const {
    const RowSpan span = rowSpan(s, rows, b);
    uint64_t h = 1;
    for (uint32_t r = span.begin; r < span.begin + span.count; ++r) h = mix(h, row(r));
    return h;
  }
  uint64_t intermediate(uint32_t b, uint32_t col) const { return mix(block(b), 0x10000 + col); }
  uint64_t tile(uint32_t b, uint32_t col) const {
    uint64_t h = 0x20000 + col;
    for (uint32_t c = 0; c < gemm0Cols(s); ++c) h = mix(h, intermediate(b, c));
    return h;
  }
};

uint32_t rankOf(const WorldConfig& c, uint32_t fiber) { return fiber / (c.processors + 1 + c.subscribers); }
uint32_t roleOf(const WorldConfig& c, uint32_t fiber) { return fiber % (c.processors + 1 + c.subscribers); }

}  // namespace

std::string validate(const WorldConfig& c) {
  const Shape& s = c.shape;
  if (s.ranks == 0 || c.processors == 0 || c.subscribers == 0 || c.epochs == 0) return "ranks, processors, subscribers and epochs must be at least 1";
  if (s.ranks * (c.processors + 1 + c.subscribers) > kMaxFibers) {
    return "more than " + std::to_string(kMaxFibers) + " actors: ranks * (processors + 1 + subscribers) is " +
           std::to_string(s.ranks * (c.processors + 1 + c.subscribers));
  }
  if (c.subscribers + 1 > kMaxQueues) return "more than 31 subscribers";
  if (s.tileRows == 0 || s.tileRows % kRowStep != 0 || s.capacity % s.tileRows != 0) return "tileRows must be a multiple of 8 and capacity a multiple of tileRows";
  if (c.expertBase.size() != s.ranks + 1 || c.expertBase.back() != s.experts) return "expertBase must have ranks + 1 entries and end with the number of experts";
  for (uint32_t r = 0; r < s.ranks; ++r) {
    if (c.expertBase[r + 1] < c.expertBase[r] || c.expertBase[r + 1] - c.expertBase[r] > s.slots) return "expertBase must ascend by at most `slots`";
  }
  if (c.rows.size() != static_cast<size_t>(c.epochs) * s.ranks * s.experts) return "rows must have epochs * ranks * experts entries";
  for (const uint32_t n : c.rows) {
    if (n > s.capacity) return "a cell has more rows than the capacity";
  }
  if (!packetLimits(s)) return "the shape does not fit the packets";
  return "";
}

/// One fiber's life: what a warp of the kernel does, launch after launch.
class Actor {
 public:
  Actor(World& w, uint32_t fiber)
      : w_(w), c_(w.config_), s_(w.config_.shape), x_(*w.explorer_), fiber_(fiber), rank_(rankOf(c_, fiber)),
        role_(roleOf(c_, fiber)), mem_(x_, *w.arena_, fiber), trace_(x_, w.events_, static_cast<uint16_t>(rank_), actor()),
        placement_{c_.expertBase.data(), s_.ranks} {}

  void live() {
    const uint64_t group = ((1ull << w_.fibersPerRank()) - 1) << (rank_ * w_.fibersPerRank());
    const uint32_t block = role_ < c_.processors ? role_ : c_.processors;
    x_.memory.place(fiber_, {static_cast<uint16_t>(rank_), static_cast<uint16_t>(block)});
    for (uint32_t epoch = 0; epoch < c_.epochs; ++epoch) {
      // A launch starts when the rank's previous launch has ended, and has seen all of it.
      x_.rendezvous(fiber_, group);
      if (role_ == 0) w_.beginEpoch(rank_, epoch);
      x_.rendezvous(fiber_, group);
      epoch_ = epoch;
      trace_.launch(epoch);
      trace_.record(EventKind::LaunchBegin, 0, epoch, epochState(epoch));
      if (role_ < c_.processors) processor();
      else if (role_ == c_.processors) scheduler();
      else subscriber();
      x_.rendezvous(fiber_, group);
      if (role_ == 0) w_.endEpoch(rank_);
    }
  }

  // Transport: direct stores.
  void beforeCellSignal(HostTrace&, uint32_t, uint32_t, uint32_t) {}
  void deliverCell(HostMemory& mem, uint32_t dest, uint32_t, uint32_t, uint32_t flag, uint64_t word) {
    mem.store<Order::Release, Scope::System>(&w_.ranks_[dest].flags[flag], word);
  }
  void deliverTile(HostMemory& mem, uint32_t dest, uint32_t, RowSpan, uint32_t, uint32_t flag, uint64_t word) {
    mem.store<Order::Release, Scope::System>(&w_.ranks_[dest].flags[flag], word);
  }

 private:
  RankWords& my() { return w_.ranks_[rank_]; }
  uint32_t actor() const {
    return role_ < c_.processors ? actorId(role_, 0) : actorId(c_.processors, role_ - c_.processors);
  }
  uint64_t* rowPayload(uint32_t owner, uint32_t source, uint32_t slot, uint32_t row) {
    return &w_.ranks_[owner].rowPayload[(source * s_.slots + slot) * s_.capacity + row];
  }
  uint64_t* tilePayload(uint32_t owner, uint32_t expert, uint32_t block, uint32_t col) {
    return &w_.ranks_[owner].tilePayload[(expert * cellRowBlocks(s_) + block) * gemm1Cols(s_) + col];
  }

  void write(uint64_t* word, uint64_t value) {
    x_.step();
    if (!x_.memory.writePlain(fiber_, w_.arena_->locate(word), value)) {
      x_.fail("L2", "two unordered writes to one payload word by " + name());
    }
  }
  void expect(uint64_t* word, uint64_t value, const char* invariant, const char* what) {
    x_.step();
    uint64_t got = 0;
    if (!x_.memory.readPlain(fiber_, w_.arena_->locate(word), got)) {
      x_.fail(invariant, std::string(what) + " read by " + name() + " is not ordered after its last write");
    }
    if (got != value) x_.fail(invariant, std::string(what) + " read by " + name() + " holds stale or foreign data");
  }
  std::string name() const {
    const std::string role = role_ < c_.processors    ? "processor " + std::to_string(role_)
                             : role_ == c_.processors ? std::string("the scheduler")
                                                      : "subscriber " + std::to_string(role_ - c_.processors - 1);
    return role + " of rank " + std::to_string(rank_) + " in epoch " + std::to_string(epoch_);
  }

  void barrier() {
    const uint64_t before = arriveBarrier(mem_, my().barrier);
    trace_.record(EventKind::BarrierArrive, 0, 0, static_cast<uint32_t>(before % (c_.processors + 1)));
    awaitBarrier(mem_, my().barrier, barrierTarget(c_.processors + 1, 1, epoch_, 0));
    trace_.record(EventKind::BarrierLeave, 0, 0, 0);
  }

  void dispatch() {
    trace_.record(EventKind::DispatchBegin, 0, 0, 0);
    DispatchState st{s_,   placement_, rank_, epoch_, c_.processors, role_, my().ownRows.data(), my().rowTilesTo.data(),
                     my().cellArrivals};
    uint32_t put = 0;
    for (uint32_t e = 0; e < s_.experts; ++e) {
      const uint32_t rows = my().ownRows[e];
      const uint32_t begin = rows * role_ / c_.processors;
      const uint32_t end = rows * (role_ + 1) / c_.processors;
      if (begin == end) continue;
      const ExpertHome home = placement_.home(e);
      const Provenance from{s_, epoch_, rank_, e, rows};
      for (uint32_t r = begin; r < end; ++r) write(rowPayload(home.rank, rank_, home.slot, r), from.row(r));
      const uint64_t cell = cellIndex(s_, rank_, Round::Dispatch, Stage::Incoming, home.slot);
      trace_.record(EventKind::Put, home.rank, static_cast<uint32_t>(heapRow(s_, cell, begin)), packPut(end - begin, 0));
      arriveCell(mem_, *this, trace_, st, e, end - begin);
      put += end - begin;
    }
    sendNoops(mem_, *this, trace_, st, 0, 1);
    trace_.record(EventKind::DispatchEnd, 0, put, 0);
  }

  void gemm0(const Task& t, uint32_t rows) {
    const Provenance from{s_, epoch_, t.peer, placement_.globalExpert(rank_, t.expert), rows};
    const RowSpan span = rowSpan(s_, rows, t.block);
    for (uint32_t r = span.begin; r < span.begin + span.count; ++r) {
      expect(rowPayload(rank_, t.peer, t.expert, r), from.row(r), "S4", "a dispatched row");
    }
    const uint32_t rowBlock = rowBlockIndex(s_, t.expert, t.peer, t.block);
    write(&my().intermediate[rowBlock * gemm0Cols(s_) + t.col], from.intermediate(t.block, t.col));
  }

  void gemm1(const Task& t, uint32_t rows) {
    const uint32_t expert = placement_.globalExpert(rank_, t.expert);
    const Provenance from{s_, epoch_, t.peer, expert, rows};
    const uint32_t rowBlock = rowBlockIndex(s_, t.expert, t.peer, t.block);
    for (uint32_t c = 0; c < gemm0Cols(s_); ++c) {
      expect(&my().intermediate[rowBlock * gemm0Cols(s_) + c], from.intermediate(t.block, c), "S3", "an intermediate tile");
    }
    write(tilePayload(t.peer, expert, t.block, t.col), from.tile(t.block, t.col));
    const RowSpan span = rowSpan(s_, rows, t.block);
    const uint64_t cell = cellIndex(s_, rank_, Round::Combine, Stage::Incoming, t.expert);
    trace_.record(EventKind::Put, t.peer, static_cast<uint32_t>(heapRow(s_, cell, span.begin)), packPut(span.count, t.col + 1));
    signalTile(mem_, *this, trace_, s_, placement_, rank_, epoch_, t, rows);
  }

  /// The token that row `row` of `expert` belongs to: rows are dealt to tokens in order, topK to each.
  uint32_t tokenOf(uint32_t expert, uint32_t row) const {
    uint32_t at = row;
    for (uint32_t e = 0; e < expert; ++e) at += w_.ranks_[rank_].ownRows[e];
    return at / s_.topK;
  }
  uint32_t choicesOf(uint32_t token) const {
    uint32_t all = 0;
    for (uint32_t e = 0; e < s_.experts; ++e) all += w_.ranks_[rank_].ownRows[e];
    const uint32_t left = all - token * s_.topK;
    return left < s_.topK ? left : s_.topK;
  }

  /// Reads the tiles a token's rows lie in, in row order, and writes its output once.
  void finishToken(uint32_t token, uint32_t col) {
    uint64_t sum = 0;
    uint32_t at = 0;
    for (uint32_t e = 0; e < s_.experts; ++e) {
      const uint32_t rows = my().ownRows[e];
      const Provenance from{s_, epoch_, rank_, e, rows};
      for (uint32_t r = 0; r < rows; ++r, ++at) {
        if (at / s_.topK != token) continue;
        uint32_t block = 0;
        while (r >= rowSpan(s_, rows, block).begin + rowSpan(s_, rows, block).count) ++block;
        expect(tilePayload(rank_, e, block, col), from.tile(block, col), "N2", "a result tile");
        sum = mix(sum, from.tile(block, col));
      }
    }
    write(&my().output[token * gemm1Cols(s_) + col], sum);
  }

  void combine(const Task& t, uint32_t rows) {
    const Provenance from{s_, epoch_, rank_, t.expert, rows};
    expect(tilePayload(rank_, t.expert, t.block, t.col), from.tile(t.block, t.col), "S4", "a result tile");
    const RowSpan span = rowSpan(s_, rows, t.block);
    for (uint32_t r = span.begin; r < span.begin + span.count; ++r) {
      const uint32_t token = tokenOf(t.expert, r);
      const uint32_t total = choicesOf(token);
      const uint32_t before = arrive<Scope::Device>(mem_, &my().tokenArrivals[token * gemm1Cols(s_) + t.col], 1u, total);
      if (before + 1 == total) finishToken(token, t.col);
    }
  }

  void execute(const Task& task, uint32_t index, uint32_t rows) {
    if (index >= my().runs.size()) x_.fail("S2", "task index out of range at " + name());
    if (++my().runs[index] > 1) x_.fail("S1", "task " + std::to_string(index) + " executed twice, by " + name());
    if (task.block >= rowBlocks(s_, rows)) x_.fail("S2", "task of an absent row block at " + name());
    if (task.op == Op::Gemm0) gemm0(task, rows);
    else if (task.op == Op::Gemm1) gemm1(task, rows);
    else combine(task, rows);
  }

  void processor() {
    barrier();
    dispatch();
    const ProcessorState st{s_, role_, {my().doorbells, my().status}, c_.eager, processorQueue(), c_.subscribers,
                            my().queueTail, my().rowBlockArrivals, my().flags, my().ownRows.data()};
    HostBlock block;
    runProcessor(mem_, block, trace_, st,
                 [&](const Task& task, uint32_t index, uint32_t rows) { execute(task, index, rows); });
  }

  ProcessorQueue processorQueue() {
    const uint32_t capacity = processorQueueCapacity(s_);
    return {my().queueRings + c_.subscribers * subscriberQueueCapacity(s_), capacity - 1};
  }

  void scheduler() {
    barrier();
    uint32_t bound = peerBound(s_, placement_.localExperts(rank_));
    for (uint32_t e = 0; e < s_.experts; ++e) bound += combineTasksOf(s_, my().ownRows[e]);
    mem_.store<Order::Relaxed, Scope::Block>(my().bound, bound);
    for (uint32_t i = 0; i < ceilDiv(s_.ranks, 32); ++i) mem_.store<Order::Relaxed, Scope::Block>(&my().corrected[i], 0u);
    mem_.store<Order::Relaxed, Scope::Block>(my().interrupted, 0u);
    mem_.store<Order::Release, Scope::Block>(my().osReady, epoch_ + 1);
    HostWarp warp;
    const SchedulerState st{c_.processors, c_.subscribers, {my().doorbells, my().status}, my().queues.data(),
                            processorQueue(), my().heads.data(), my().slotState.data(), my().readyQueue.data(),
                            static_cast<uint32_t>(my().readyQueue.size() - 1), {my().bound, my().corrected}, my().interrupted};
    runScheduler(mem_, warp, trace_, st);
  }

  void subscriber() {
    const uint32_t index = role_ - c_.processors - 1;
    mem_.spin([&] { return mem_.load<Order::Acquire, Scope::Block>(my().osReady) == epoch_ + 1; });
    HostWarp warp;
    SubscriberState st{s_, placement_, rank_, epoch_, index, c_.subscribers, my().ownRows.data(), my().flags,
                       my().watch[index].data(), 0, 0, my().queues[index], my().tickets[index],
                       {my().bound, my().corrected}, my().interrupted};
    runSubscriber(mem_, warp, trace_, st);
    my().tickets[index] = st.ticket;
  }

  World& w_;
  const WorldConfig& c_;
  const Shape& s_;
  Explorer& x_;
  uint32_t fiber_;
  uint32_t rank_;
  uint32_t role_;
  uint32_t epoch_ = 0;
  HostMemory mem_;
  HostTrace trace_;
  Placement placement_;
};

World::World(WorldConfig config) : config_(std::move(config)) {
  explorer_ = std::make_unique<Explorer>(config_.model, config_.shape.ranks * fibersPerRank());
  arena_ = std::make_unique<Arena>();
  ranks_.resize(config_.shape.ranks);
  for (uint32_t r = 0; r < config_.shape.ranks; ++r) allocateRank(r);
}

void World::allocateRank(uint32_t rank) {
  const Shape& s = config_.shape;
  RankWords& w = ranks_[rank];
  Memory& m = explorer_->memory;
  const uint32_t rowBlockCount = s.slots * s.ranks * cellRowBlocks(s);
  const uint32_t subscriberRing = subscriberQueueCapacity(s);
  w.flags = arena_->allocate<uint64_t>(m, static_cast<uint32_t>(flagCount(s)));
  w.doorbells = arena_->allocate<uint64_t>(m, config_.processors, kDoorbellStride);
  w.status = arena_->allocate<uint32_t>(m, config_.processors);
  for (uint32_t p = 0; p < config_.processors; ++p) m.setInitial(arena_->locate(&w.status[p]), initialStatus(config_.eager));
  w.queueRings = arena_->allocate<uint64_t>(m, config_.subscribers * subscriberRing + processorQueueCapacity(s));
  w.queueTail = arena_->allocate<uint32_t>(m, 1);
  w.rowBlockArrivals = arena_->allocate<uint32_t>(m, rowBlockCount);
  w.cellArrivals = arena_->allocate<uint32_t>(m, s.experts);
  const uint32_t tokens = s.tokens;
  w.tokenArrivals = arena_->allocate<uint32_t>(m, tokens * gemm1Cols(s));
  w.barrier = arena_->allocate<uint64_t>(m, 1);
  w.bound = arena_->allocate<uint32_t>(m, 1);
  w.corrected = arena_->allocate<uint32_t>(m, ceilDiv(s.ranks, 32));
  w.interrupted = arena_->allocate<uint32_t>(m, 1);
  w.osReady = arena_->allocate<uint32_t>(m, 1);
  w.rowPayload = arena_->allocate<uint64_t>(m, s.ranks * s.slots * s.capacity);
  w.intermediate = arena_->allocate<uint64_t>(m, rowBlockCount * gemm0Cols(s));
  w.tilePayload = arena_->allocate<uint64_t>(m, s.experts * cellRowBlocks(s) * gemm1Cols(s));
  w.output = arena_->allocate<uint64_t>(m, tokens * gemm1Cols(s));
  for (uint32_t i = 0; i < config_.subscribers; ++i) w.queues.push_back({w.queueRings + i * subscriberRing, subscriberRing - 1});
  w.watch.assign(config_.subscribers, std::vector<WatchChunk>(watchListCapacity(s) + kPollChunks));
  w.slotState.resize(config_.processors);
  w.readyQueue.resize(roundUpPow2(config_.processors));
  w.ownRows.resize(s.experts);
  w.rowTilesTo.resize(s.ranks);
}

void World::beginEpoch(uint32_t rank, uint32_t epoch) {
  RankWords& w = ranks_[rank];
  const Shape& s = config_.shape;
  const Placement placement{config_.expertBase.data(), s.ranks};
  w.epoch = epoch;
  for (uint32_t e = 0; e < s.experts; ++e) w.ownRows[e] = config_.keptRows(epoch, rank, e);
  for (uint32_t r = 0; r < s.ranks; ++r) w.rowTilesTo[r] = announcedRowTiles(s, placement, w.ownRows.data(), r);
  w.runs.assign(taskSpace(s), 0);
}

/// S2: every task the routing asks for was executed in this epoch (execution twice, or of others, fails at once).
void World::endEpoch(uint32_t rank) {
  const Shape& s = config_.shape;
  RankWords& w = ranks_[rank];
  const Placement placement{config_.expertBase.data(), s.ranks};
  uint32_t expected = 0;
  for (uint32_t p = 0; p < s.ranks; ++p) {
    for (uint32_t e = placement.base[rank]; e < placement.base[rank + 1]; ++e) {
      expected += rowBlocks(s, config_.keptRows(w.epoch, p, e)) * tasksPerRowBlock(s);
    }
  }
  for (uint32_t e = 0; e < s.experts; ++e) expected += combineTasksOf(s, w.ownRows[e]);
  uint32_t ran = 0;
  for (const uint32_t n : w.runs) ran += n;
  if (ran != expected) {
    explorer_->fail("S1", "rank " + std::to_string(rank) + " left epoch " + std::to_string(w.epoch) + " after " +
                              std::to_string(ran) + " of " + std::to_string(expected) + " tasks");
  }
}

void World::enter(void* world, uint32_t fiber) { Actor(*static_cast<World*>(world), fiber).live(); }

bool World::run(Choices& choices, std::vector<Event>* events, uint64_t maxSteps) {
  events_ = events;
  for (RankWords& w : ranks_) {
    w.heads.assign(config_.subscribers + 1, 0);
    w.tickets.assign(config_.subscribers, 0);
  }
  return explorer_->run(&World::enter, this, choices, maxSteps);
}

}  // namespace kerneltwin::explorer
