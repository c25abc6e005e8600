#include "actor.h"

#include "provenance.h"

namespace kerneltwin::explorer {

Actor::Actor(World& w, uint32_t fiber)
    : w_(w), c_(w.config_), s_(w.config_.shape), x_(*w.explorer_), fiber_(fiber), rank_(fiber / c_.fibersPerRank()),
      role_(fiber % c_.fibersPerRank()), placement_{c_.expertBase.data(), s_.ranks}, mem_(x_, *w.arena_, fiber),
      trace_(x_, *w.ghost_, w.events_, fiber, static_cast<uint16_t>(rank_), actor()) {
  mem_.noteLoads(my().flags, static_cast<uint32_t>(flagCount(s_)), w.ghost_->flagNotes(fiber));
}

void Actor::live() {
  const uint32_t block = role_ < c_.processors ? role_ : c_.processors;
  x_.memory.place(fiber_, {static_cast<uint16_t>(rank_), static_cast<uint16_t>(block)});
  if (role_ > c_.processors + c_.subscribers) return putEngine();
  const uint32_t members = c_.processors + 1 + c_.subscribers;
  const uint64_t group = ((1ull << members) - 1) << (rank_ * c_.fibersPerRank());
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
    if (role_ == 0) w_.ghost_->endEpoch(rank_);
  }
  if (role_ == 0 && !direct()) mem_.store<Order::Relaxed, Scope::Device>(my().outbox, 0xffffffffu);
}

uint32_t Actor::actor() const {
  return role_ < c_.processors ? actorId(role_, 0) : actorId(c_.processors, role_ - c_.processors);
}

std::string Actor::name() const {
  const std::string role = role_ < c_.processors                     ? "processor " + std::to_string(role_)
                           : role_ == c_.processors                  ? std::string("the scheduler")
                           : role_ <= c_.processors + c_.subscribers ? "subscriber " + std::to_string(role_ - c_.processors - 1)
                                                                     : "a put";
  return role + " of rank " + std::to_string(rank_) + " in epoch " + std::to_string(epoch_);
}

// Payload.

Location Actor::heapAt(uint32_t owner, uint64_t offset) {
  const auto& heap = w_.ranks_[owner].heap;
  if (offset / 64 >= heap.size()) x_.fail("L1", "an address past the end of the heap, made by " + name());
  const Location at = heap[offset / 64];
  if (at == kNowhere) w_.failAddress(owner, offset, name());
  return at;
}

Location Actor::rowAt(uint32_t owner, uint32_t source, Stage stage, uint32_t slot, uint32_t row) {
  return heapAt(owner, dispatchOffset(s_, cellIndex(s_, source, Round::Dispatch, stage, slot), row, 0));
}

Location Actor::tileAt(uint32_t owner, uint32_t source, Stage stage, uint32_t slot, uint32_t row, uint32_t col) {
  return heapAt(owner, combineOffset(s_, cellIndex(s_, source, Round::Combine, stage, slot), row, col * s_.tileCols));
}

void Actor::write(Location at, uint64_t value) {
  x_.stepPlain(at, Access::Write);
  writeNow(at, value);
}

void Actor::writeNow(Location at, uint64_t value) {
  const Race race = x_.memory.writePlain(fiber_, at, value);
  x_.note(fiber_, at, Access::Write, value);
  if (race == Race::WriteUnseen) x_.fail("L2", "two unordered writes to one payload word, the second by " + name());
  if (race == Race::ReadUnseen) x_.fail("S9", "a payload word is written by " + name() + " before its last reader is done with it");
}

void Actor::expect(Location at, uint64_t value, const char* invariant, const char* what) {
  x_.stepPlain(at, Access::Read);
  uint64_t got = 0;
  const Race race = x_.memory.readPlain(fiber_, at, got);
  x_.note(fiber_, at, Access::Read, got);
  if (race != Race::None) x_.fail("S4", std::string(what) + " read by " + name() + " is not ordered after its last write");
  if (got != value) x_.fail(invariant, std::string(what) + " read by " + name() + " holds stale or foreign data");
}

// Transport.

template <Order O>
void Actor::signal(HostMemory& mem, uint32_t dest, uint32_t flag, uint64_t word) {
  uint64_t* at = &w_.ranks_[dest].flags[flag];
  const Location location = w_.arena_->locate(at);
  if (location == kNowhere) x_.fail("L3", "a signal outside the flags by " + name());
  mem.store<O, Scope::System>(at, word, [&] { w_.ghost_->beforeSignal(dest, flag, x_.memory.peek(location)); });
}

void Actor::recordRows(HostTrace& trace, uint32_t dest, uint32_t slot, uint32_t first, uint32_t rows) {
  if (!direct()) return;
  const uint64_t cell = cellIndex(s_, rank_, Round::Dispatch, Stage::Incoming, slot);
  trace.record(EventKind::Put, dest, static_cast<uint32_t>(heapRow(s_, cell, first)), packPut(rows, 0));
}

void Actor::beforeCellSignal(HostTrace& trace, uint32_t dest, uint32_t slot, uint32_t rows) {
  if (direct() || rows == 0) return;
  const uint64_t cell = cellIndex(s_, rank_, Round::Dispatch, Stage::Incoming, slot);
  trace.record(EventKind::Put, dest, static_cast<uint32_t>(heapRow(s_, cell, 0)), packPut(rows, 0));
}

void Actor::deliverCell(HostMemory& mem, uint32_t dest, uint32_t slot, uint32_t rows, uint32_t flag, uint64_t word) {
  w_.ghost_->sendCell(rank_, dest, slot, flag);
  if (direct()) return signal<Order::Relaxed>(mem, dest, flag, ghostly(word));
  PutOp op{{}, role_, dest, flag, ghostly(word), x_.memory.view(fiber_)};
  for (uint32_t r = 0; r < rows; ++r) op.words.emplace_back(rowAt(rank_, dest, Stage::Outgoing, slot, r), rowAt(dest, rank_, Stage::Incoming, slot, r));
  issue(std::move(op));
}

void Actor::deliverTile(HostMemory& mem, uint32_t dest, uint32_t slot, RowSpan span, uint32_t col, uint32_t flag, uint64_t word) {
  w_.ghost_->sendTile(rank_, dest, flag);
  if (direct()) return signal<Order::Release>(mem, dest, flag, ghostly(word));
  PutOp op{{}, role_, dest, flag, ghostly(word), x_.memory.view(fiber_)};
  for (uint32_t r = span.begin; r < span.begin + span.count; r += kRowStep) {
    op.words.emplace_back(tileAt(rank_, dest, Stage::Outgoing, slot, r, col), tileAt(dest, rank_, Stage::Incoming, slot, r, col));
  }
  issue(std::move(op));
}

void Actor::issue(PutOp op) {
  ++issued_;
  my().puts.push_back(std::move(op));
  mem_.add<Order::Relaxed, Scope::Device>(my().outbox, 1u);
}

/// Waits until the puts that this block issued are done, here and at their peers. Without it a no-op of this launch could land
/// after the next launch's signal on the same flag: nothing else orders two puts, and nobody waits for a no-op.
void Actor::quiet() {
  if (direct()) return;
  mem_.spin([&] { return mem_.load<Order::Acquire, Scope::System>(&my().putsDone[role_]) == issued_; });
}

/// Takes any of the puts that wait and carries it out; with several engines the payloads of a rank's puts mix, too.
void Actor::putEngine() {
  const Location outbox = w_.arena_->locate(my().outbox);
  for (;;) {
    for (;;) {
      x_.beginPoll(fiber_);
      x_.step(outbox, Access::Read);
      x_.memory.readNewest(fiber_, true);
      x_.memory.load(fiber_, outbox, Order::Relaxed, Scope::Device, x_.choices());
      x_.sawInPoll(fiber_, outbox);
      if (!my().puts.empty() || x_.memory.peek(outbox) == 0xffffffffu) break;
      x_.awaitChange(fiber_);
    }
    x_.endPoll(fiber_);
    if (my().puts.empty()) return;
    PutOp& op = w_.inFlight_[fiber_];
    auto& waiting = my().puts;
    const auto pick = waiting.size() > 1 ? x_.choices().choose(static_cast<uint32_t>(waiting.size())) : 0u;
    op = std::move(waiting[pick]);
    waiting.erase(waiting.begin() + pick);
    deliver(op);
  }
}

void Actor::deliver(PutOp& op) {
  x_.memory.setView(fiber_, op.view);
  epoch_ = static_cast<uint32_t>(op.signal >> kGhostShift);
  for (auto left = static_cast<uint32_t>(op.words.size()); left > 0; --left) {
    const uint32_t pick = left > 1 ? x_.choices().choose(left) : 0;
    const auto [from, to] = op.words[pick];
    op.words[pick] = op.words[left - 1];
    x_.step(from, Access::Read);
    uint64_t value = 0;
    if (x_.memory.readPlain(fiber_, from, value) != Race::None) x_.fail("S9", "the stage of " + name() + " was written again before it was read");
    x_.note(fiber_, from, Access::Read, value);
    x_.step(to, Access::Write);
    writeNow(to, value);
  }
  signal<Order::Release>(mem_, op.dest, op.flag, op.signal);
  mem_.add<Order::Release, Scope::System>(&my().putsDone[op.by], 1u);
}

// Roles.

void Actor::barrier() {
  const auto arrived = trace_.stamp();
  const uint64_t before = arriveBarrier(mem_, my().barrier);
  trace_.recordAt(arrived, EventKind::BarrierArrive, 0, 0, static_cast<uint32_t>(before % (c_.processors + 1)));
  awaitBarrier(mem_, my().barrier, barrierTarget(c_.processors + 1, 1, epoch_, 0));
  trace_.record(EventKind::BarrierLeave, 0, 0, 0);
}

void Actor::dispatch() {
  trace_.record(EventKind::DispatchBegin, 0, 0, 0);
  const DispatchState st{s_, placement_, rank_, epoch_, c_.processors, role_, my().ownRows.data(), my().rowTilesTo.data(),
                         my().cellArrivals};
  const auto share = [&](uint32_t e) -> RowSpan {
    const uint32_t begin = my().ownRows[e] * role_ / c_.processors;
    return {begin, my().ownRows[e] * (role_ + 1) / c_.processors - begin};
  };
  for (uint32_t e = 0; e < s_.experts; ++e) {
    const RowSpan span = share(e);
    const ExpertHome home = placement_.home(e);
    const Provenance from{s_, epoch_, rank_, e, my().ownRows[e]};
    const auto at = [&](uint32_t r) {
      return direct() ? rowAt(home.rank, rank_, Stage::Incoming, home.slot, r) : rowAt(rank_, home.rank, Stage::Outgoing, home.slot, r);
    };
    for (uint32_t r = span.begin; r < span.begin + span.count; ++r) write(at(r), from.row(r));
  }
  HostWarp warp;
  const uint32_t put = arriveCells(mem_, warp, *this, trace_, st, share);
  trace_.record(EventKind::DispatchEnd, 0, put, 0);
}

void Actor::gemm0(const Task& t, uint32_t rows) {
  const Provenance from{s_, epoch_, t.peer, placement_.globalExpert(rank_, t.expert), rows};
  const RowSpan span = rowSpan(s_, rows, t.block);
  for (uint32_t r = span.begin; r < span.begin + span.count; ++r) {
    expect(rowAt(rank_, t.peer, Stage::Incoming, t.expert, r), from.row(r), "S4", "a dispatched row");
  }
  const uint32_t rowBlock = rowBlockIndex(s_, t.expert, t.peer, t.block);
  const Location out = w_.arena_->locate(&my().intermediate[rowBlock * gemm0Cols(s_) + t.col]);
  write(out, from.intermediate(t.block, t.col));
}

void Actor::gemm1(const Task& t, uint32_t rows) {
  const uint32_t expert = placement_.globalExpert(rank_, t.expert);
  const Provenance from{s_, epoch_, t.peer, expert, rows};
  const uint32_t rowBlock = rowBlockIndex(s_, t.expert, t.peer, t.block);
  const auto in = [&](uint32_t c) { return w_.arena_->locate(&my().intermediate[rowBlock * gemm0Cols(s_) + c]); };
  for (uint32_t c = 0; c < gemm0Cols(s_); ++c) expect(in(c), from.intermediate(t.block, c), "S3", "an intermediate tile");
  const RowSpan span = rowSpan(s_, rows, t.block);
  const auto out = [&](uint32_t r) {
    return direct() ? tileAt(t.peer, rank_, Stage::Incoming, t.expert, r, t.col) : tileAt(rank_, t.peer, Stage::Outgoing, t.expert, r, t.col);
  };
  for (uint32_t r = span.begin; r < span.begin + span.count; r += kRowStep) write(out(r), stir(from.tile(t.block, t.col), r));
  const uint64_t cell = cellIndex(s_, rank_, Round::Combine, Stage::Incoming, t.expert);
  trace_.record(EventKind::Put, t.peer, static_cast<uint32_t>(heapRow(s_, cell, span.begin)), packPut(span.count, t.col + 1));
  signalTile(mem_, *this, trace_, s_, placement_, rank_, epoch_, t, rows);
}

/// The token that row `row` of `expert` belongs to: rows are dealt to tokens in order, topK to each.
uint32_t Actor::tokenOf(uint32_t expert, uint32_t row) {
  uint32_t at = row;
  for (uint32_t e = 0; e < expert; ++e) at += my().ownRows[e];
  return at / s_.topK;
}

uint32_t Actor::choicesOf(uint32_t token) {
  uint32_t all = 0;
  for (uint32_t e = 0; e < s_.experts; ++e) all += my().ownRows[e];
  const uint32_t left = all - token * s_.topK;
  return left < s_.topK ? left : s_.topK;
}

/// Reads the tiles a token's rows lie in, in row order, and writes its output once.
void Actor::finishToken(uint32_t token, uint32_t col) {
  uint64_t sum = 0;
  uint32_t at = 0;
  for (uint32_t e = 0; e < s_.experts; ++e) {
    const uint32_t rows = my().ownRows[e];
    const Provenance from{s_, epoch_, rank_, e, rows};
    const ExpertHome home = placement_.home(e);
    for (uint32_t r = 0; r < rows; ++r, ++at) {
      if (at / s_.topK != token) continue;
      uint32_t block = 0;
      while (r >= rowSpan(s_, rows, block).begin + rowSpan(s_, rows, block).count) ++block;
      const uint32_t unit = r - r % kRowStep;
      const Location tile = tileAt(rank_, home.rank, Stage::Incoming, home.slot, unit, col);
      expect(tile, stir(from.tile(block, col), unit), "N2", "a result tile");
      sum += stir(from.tile(block, col), unit);
    }
  }
  const Location out = w_.arena_->locate(&my().output[token * gemm1Cols(s_) + col]);
  write(out, sum);
}

void Actor::combine(const Task& t, uint32_t rows) {
  const RowSpan span = rowSpan(s_, rows, t.block);
  for (uint32_t r = span.begin; r < span.begin + span.count; ++r) {
    const uint32_t token = tokenOf(t.expert, r);
    const uint32_t total = choicesOf(token);
    const uint32_t before = arrive<Scope::Device>(mem_, &my().tokenArrivals[token * gemm1Cols(s_) + t.col], 1u, total);
    if (before + 1 == total) finishToken(token, t.col);
  }
}

void Actor::execute(const Task& task, uint32_t index, uint32_t rows) {
  w_.ghost_->execute(rank_, index, role_);
  if (task.block >= rowBlocks(s_, rows)) x_.fail("S2", "task of an absent row block at " + name());
  if (task.op == Op::Gemm0) gemm0(task, rows);
  else if (task.op == Op::Gemm1) gemm1(task, rows);
  else combine(task, rows);
}

void Actor::processor() {
  barrier();
  dispatch();
  const ProcessorState st{s_, role_, {my().doorbells, my().status}, c_.eager, processorQueue(), c_.subscribers,
                          my().queueTail, my().rowBlockArrivals, my().flags, my().ownRows.data()};
  HostBlock block;
  runProcessor(mem_, block, trace_, st,
               [&](const Task& task, uint32_t index, uint32_t rows) { execute(task, index, rows); });
  quiet();
}

ProcessorQueue Actor::processorQueue() {
  return {my().queueRings[c_.subscribers], processorQueueCapacity(s_) - 1};
}

void Actor::scheduler() {
  barrier();
  uint32_t bound = peerBound(s_, placement_.localExperts(rank_));
  for (uint32_t e = 0; e < s_.experts; ++e) bound += combineTasksOf(s_, my().ownRows[e]);
  mem_.store<Order::Relaxed, Scope::Block>(my().bound, bound);
  for (uint32_t i = 0; i < ceilDiv(s_.ranks, 32); ++i) mem_.store<Order::Relaxed, Scope::Block>(&my().corrected[i], 0u);
  mem_.store<Order::Relaxed, Scope::Block>(my().interrupted, 0u);
  mem_.store<Order::Release, Scope::Block>(my().osReady, epoch_ + 1);
  const SchedulerState st{c_.scheduling, gemm0Tasks(s_), gemm0Tasks(s_) + gemm1Tasks(s_), c_.processors, c_.subscribers, {my().doorbells, my().status}, my().queues.data(),
                          processorQueue(), my().heads.data(), my().slotState.data(), my().tileDue.data(),
                          my().readyLists.data(), static_cast<uint32_t>(my().readyLists.size() / kReadyLists - 1),
                          my().backlogs.data(), c_.backlog, {my().bound, my().corrected}, my().interrupted};
  if (c_.lanes == Lanes::Down) {
    DownWarp warp;
    return runScheduler(mem_, warp, trace_, st);
  }
  if (c_.lanes == Lanes::Views) {
    LaneWarp warp(my().lanes[0]);
    runScheduler(mem_, warp, trace_, st);
    warp.sync();  // the launch's end
    return;
  }
  HostWarp warp;
  SchedulerRun run;
  my().schedulerRun = &run;
  runScheduler(mem_, warp, trace_, st, run);
  my().schedulerRun = nullptr;
}

void Actor::subscriber() {
  const uint32_t index = role_ - c_.processors - 1;
  mem_.spin([&] { return mem_.load<Order::Acquire, Scope::Block>(my().osReady) == epoch_ + 1; });
  SubscriberState st{s_, placement_, rank_, epoch_, index, c_.subscribers, my().ownRows.data(), my().flags,
                     my().watch[index].data(), 0, 0, my().queues[index], my().tickets[index],
                     {my().bound, my().corrected}, my().interrupted};
  my().subscriberStates[index] = &st;
  if (c_.lanes == Lanes::Down) {
    DownWarp warp;
    watchDispatch(warp, st);
    runSubscriber(mem_, warp, trace_, st);
  } else if (c_.lanes == Lanes::Views) {
    LaneWarp warp(my().lanes[1 + index]);
    watchDispatch(warp, st);
    runSubscriber(mem_, warp, trace_, st);
    warp.sync();
  } else {
    HostWarp warp;
    watchDispatch(warp, st);
    runSubscriber(mem_, warp, trace_, st);
  }
  my().tickets[index] = st.ticket;
  my().subscriberStates[index] = nullptr;
}

}  // namespace kerneltwin::explorer
