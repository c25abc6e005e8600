// The pipeline behind the protocol's mailbox: one processor of rank 0 in a world of two ranks, rung by a scheduler of a few
// lines. Both GEMMs of every incoming cell, addresses from the layout, results in both homes against fp64; mailbox words and
// trace records as the protocol wants them; an abort ends the block.
#include <cstdio>
#include <stdexcept>
#include <string>

#include "fixtures.h"
#include "kerneltwin/gemm/wgmma_source.cuh"

namespace kerneltwin {
namespace {

using Config = TileConfig<1, 64, 8, 64>;
constexpr uint32_t kRank = 0;
constexpr uint32_t kRanks = 2;

void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

struct PlainMemory {
  bool& stop;
  template <Order O, Scope S, class T> T load(const T* word) const { return *word; }
  template <Order O, Scope S, class T> void store(T* word, T value) const {
    *word = value;
    emulator::Block::current().progress();
  }
  template <Order O, Scope S, class T> T add(T* word, T value) const {
    const T before = *word;
    *word += value;
    return before;
  }
  bool aborted() const { return stop; }
  AbortCode abortCode() const { return stop ? AbortCode::HostRequest : AbortCode::None; }
};

struct Entry {
  uint64_t at;
  EventKind kind;
  uint32_t a, b;
};

struct ListTrace {
  std::vector<Entry> entries;
  using Stamp = uint64_t;
  Stamp stamp() const { return ptx::cycles(); }
  void record(EventKind kind, uint32_t aux, uint32_t a, uint32_t b) { recordAt(stamp(), kind, aux, a, b); }
  void recordAt(Stamp at, EventKind kind, uint32_t, uint32_t a, uint32_t b) {
    expect(entries.empty() || entries.back().at <= at, "the processor's clock went back in record order");
    entries.push_back({at, kind, a, b});
  }
};

/// Tensors and words of the world as rank 0 sees it.
struct World {
  Shape shape;
  uint32_t placementBase[kRanks + 1] = {0, 2, 4};
  uint32_t rows[kRanks][2];                    ///< [source][slot]
  std::vector<bf16> w1, w2, intermediate, heaps[kRanks];
  std::vector<float> b1, b2;
  std::vector<uint64_t> flags[kRanks], doorbells, ring;
  std::vector<uint32_t> status, arrivals, ownRows;
  uint32_t tail = 0;

  World(Random& random, bool eager) {
    shape = {kRanks, 4, 2, 256, 128, 192, 2, 2 * Config::kTokens, Config::kTokens, Config::kColumns};
    const Shape& s = shape;
    rows[0][0] = 1 + random.below(s.capacity);
    rows[0][1] = 0;
    rows[1][0] = s.capacity;
    rows[1][1] = 1 + random.below(40);
    const auto fill = [&](std::vector<bf16>& v, uint64_t n) {
      v.resize(n);
      for (bf16& x : v) x = random.value();
    };
    fill(w1, s.slots * s.intermediate * s.hidden);
    fill(w2, s.slots * s.hidden * s.intermediate);
    for (bf16& x : w2) x = toBf16(toFloat(x) / 64);
    for (uint32_t i = 0; i < s.slots * s.intermediate; ++i) b1.push_back(toFloat(random.value()));
    for (uint32_t i = 0; i < s.slots * s.hidden; ++i) b2.push_back(toFloat(random.value()));
    intermediate.assign(intermediateElements(s), bf16{kPoison});
    ownRows = {rows[0][0], rows[0][1], 37, 0};
    for (uint32_t r = 0; r < kRanks; ++r) {
      heaps[r].assign(heapElements(s), bf16{kPoison});
      flags[r].assign(flagCount(s), 0);
    }
    for (uint32_t source = 0; source < kRanks; ++source) {
      for (uint32_t slot = 0; slot < s.slots; ++slot) {
        const uint64_t cell = cellIndex(s, source, Round::Dispatch, Stage::Incoming, slot);
        for (uint64_t i = 0; i < static_cast<uint64_t>(rows[source][slot]) * s.hidden; ++i) {
          heaps[kRank][dispatchOffset(s, cell, 0, 0) + i] = random.value();
        }
        flags[kRank][dispatchFlag(s, source, slot)] = packSignal({epochState(0), rows[source][slot], 0});
      }
    }
    doorbells.assign(kDoorbellStride, 0);
    status.assign(1, initialStatus(eager));
    arrivals.assign(s.slots * s.ranks * cellRowBlocks(s), 0);
    ring.assign(processorQueueCapacity(s), 0);
  }

  TileMaps maps() {
    const Shape& s = shape;
    TileMaps m;
    m.weights[0] = mapOf(w1, s.slots * s.intermediate, s.hidden, s.tileCols);
    m.weights[1] = mapOf(w2, s.slots * s.hidden, s.intermediate, s.tileCols);
    for (uint32_t b = 0; b < kTokenBoxes; ++b) {
      m.tokens[0][b] = mapOf(heaps[kRank], static_cast<uint32_t>(heapRows(s)), s.hidden, boxRows(b));
      m.tokens[1][b] = mapOf(intermediate, s.ranks * s.slots * s.capacity, s.intermediate, boxRows(b));
    }
    return m;
  }
};

struct DirectStores {
  World& world;
  bf16* combineTile(uint32_t dest, uint32_t slot, uint32_t row, uint32_t col) const {
    const uint64_t cell = cellIndex(world.shape, kRank, Round::Combine, Stage::Incoming, slot);
    return world.heaps[dest].data() + combineOffset(world.shape, cell, row, col * world.shape.tileCols);
  }
  template <class M>
  void deliverTile(M&, uint32_t dest, uint32_t, RowSpan, uint32_t, uint32_t flag, uint64_t word) const {
    expect(world.flags[dest][flag] == 0, "a combine flag was written twice");
    world.flags[dest][flag] = word;
  }
};

/// Rings whenever the mailbox is free: GEMM0 tasks, COMBINE tasks, GEMM1 tasks as the queue announces them, then the exit.
struct TinyScheduler {
  World& world;
  std::vector<uint32_t> ready;
  bool eager;
  uint32_t tasks;              ///< it will ring in all
  uint32_t rung = 0, ticket = 0;
  uint32_t sequence;
  bool exited = false;

  void step() {
    ProcessorQueue queue = {world.ring.data(), static_cast<uint32_t>(world.ring.size() - 1)};
    bool unused = false;
    PlainMemory mem = {unused};
    for (QueueEntry e; queue.peek(mem, ticket, e); ++ticket) {
      for (uint32_t i = 0; i < e.count; ++i) ready.push_back(e.first + i);
    }
    if (exited || world.status[0] != sequence || (ready.empty() && rung < tasks)) return;
    sequence = nextSequence(sequence);
    emulator::Block::current().progress();
    if (rung == tasks) {
      world.doorbells[0] = packDoorbell({0, sequence, true});
      exited = true;
      return;
    }
    world.doorbells[0] = packDoorbell({ready.front(), sequence, false});
    ready.erase(ready.begin());
    ++rung;
  }
};

/// The source under test, with the scheduler's turn before each poll.
struct RungSource {
  DoorbellSource<PlainMemory, ListTrace, DirectStores> inner;
  TinyScheduler& scheduler;
  bool take(TileTask& task) {
    if (emulator::Block::current().random(2) == 0) scheduler.step();
    emulator::Block::current().yield();
    return inner.take(task);
  }
  void begun(const TileTask& t) { inner.begun(t); }
  void started(const TileTask& t, uint64_t at) { inner.started(t, at); }
  void finished(const TileTask& t) { inner.finished(t); }
  void close() { inner.close(); }
};

struct CountThreads {
  std::vector<uint32_t>& seen;
  void operator()(const TileTask& task, uint32_t) { seen.push_back(task.index); }
};

void checkTrace(const ListTrace& trace, uint32_t tasks, bool aborted) {
  uint32_t consumed = 0, started = 0, finished = 0;
  for (const Entry& e : trace.entries) {
    if (e.kind == EventKind::TaskConsumed) expect(consumed++ < finished + kTaskSlots, "more tasks begun than there are slots");
    if (e.kind == EventKind::TaskStarted) {
      expect(started == finished && started < consumed, "a task started before the one before it was finished");
      ++started;
    }
    if (e.kind == EventKind::TaskFinished) expect(finished++ < started, "a task finished before it started");
  }
  expect(trace.entries.back().kind == EventKind::Exit, "the last record is not the exit");
  expect(started == finished && consumed == finished, "a task was taken and not finished");
  expect(aborted || finished == tasks, "not all tasks ran");
}

void checkResults(const World& w) {
  const Shape& s = w.shape;
  for (uint32_t source = 0; source < s.ranks; ++source) {
    for (uint32_t slot = 0; slot < s.slots; ++slot) {
      const uint64_t from = cellIndex(s, source, Round::Dispatch, Stage::Incoming, slot);
      const uint64_t to = cellIndex(s, kRank, Round::Combine, Stage::Incoming, slot);
      for (uint32_t row = 0; row < s.capacity; ++row) {
        std::vector<double> middle(s.intermediate);
        for (uint32_t i = 0; i < s.intermediate; ++i) {
          const bf16 got = w.intermediate[intermediateOffset(s, source, slot, row, i)];
          if (row >= w.rows[source][slot]) {
            expect(got.bits == kPoison, "wrote an intermediate row past the cell's rows");
            continue;
          }
          double sum = w.b1[slot * s.intermediate + i];
          for (uint32_t h = 0; h < s.hidden; ++h) {
            sum += static_cast<double>(toFloat(w.w1[(slot * s.intermediate + i) * s.hidden + h])) *
                   toFloat(w.heaps[kRank][dispatchOffset(s, from, row, h)]);
          }
          const float want = activated(Activation::Silu, static_cast<float>(sum));
          expect(std::fabs(toFloat(got) - want) <= 0.01f * (1 + std::fabs(want)), "wrong intermediate");
          middle[i] = toFloat(got);
        }
        for (uint32_t h = 0; h < s.hidden; ++h) {
          const bf16 got = w.heaps[source][combineOffset(s, to, row, h)];
          if (row >= w.rows[source][slot]) {
            expect(got.bits == kPoison, "wrote a result row past the cell's rows");
            continue;
          }
          double want = w.b2[slot * s.hidden + h];
          for (uint32_t i = 0; i < s.intermediate; ++i) {
            want += middle[i] * toFloat(w.w2[(slot * s.hidden + h) * s.intermediate + i]);
          }
          expect(std::fabs(toFloat(got) - want) <= 0.01 * (1 + std::fabs(want)), "wrong result");
        }
      }
    }
  }
}

void runWorld(uint64_t seed, bool eager, bool abortEarly) {
  Random random{seed};
  World w(random, eager);
  const Shape& s = w.shape;
  const TileMaps maps = w.maps();
  TinyScheduler scheduler = {w, {}, eager, 0, 0, 0, eager ? 0u : nextSequence(initialStatus(false))};
  uint32_t others = 0;
  for (uint32_t source = 0; source < s.ranks; ++source) {
    for (uint32_t slot = 0; slot < s.slots; ++slot) {
      for (uint32_t b = 0; b < rowBlocks(s, w.rows[source][slot]); ++b) {
        for (uint32_t c = 0; c < gemm0Cols(s); ++c) scheduler.ready.push_back(gemm0Task(s, slot, source, b, c));
        scheduler.tasks += gemm0Cols(s) + gemm1Cols(s);
      }
      scheduler.ready.push_back(combineTask(s, slot, 0, 0));
      ++others;
      ++scheduler.tasks;
    }
  }
  if (abortEarly) scheduler.tasks += 1;  // waits for a task that never becomes ready
  bool stop = false;
  PlainMemory mem = {stop};
  ListTrace trace;
  DirectStores stores = {w};
  SourceState state = {{s, 0, {w.doorbells.data(), w.status.data()}, eager,
                        {w.ring.data(), static_cast<uint32_t>(w.ring.size() - 1)}, 1, &w.tail, w.arrivals.data(),
                        w.flags[kRank].data(), w.ownRows.data()},
                       {w.intermediate.data(), w.b1.data(), w.b2.data(), static_cast<uint32_t>(Activation::Silu)},
                       {w.placementBase, kRanks}, kRank, 0};
  std::vector<uint32_t> seen;
  CountThreads other = {seen};
  emulator::Block block(kPipelineThreads, seed);
  block.run([&] {
    runPipeline<Config>(block.shared(), maps, NoGuard{}, [&] {
      if (abortEarly) stop = true;
      return RungSource{{mem, trace, stores, state}, scheduler};
    }, other);
  });
  checkTrace(trace, scheduler.tasks, abortEarly);
  if (abortEarly) return;
  expect(seen.size() == others * kConsumerThreads, "COMBINE did not run once on every consumer thread");
  expect(w.status[0] == (eager ? scheduler.sequence : scheduler.sequence - 1), "the mailbox was left in the wrong state");
  checkResults(w);
}

}  // namespace

void testMailbox(uint64_t seed) {
  runWorld(seed, true, false);
  runWorld(seed, false, false);
  runWorld(seed, true, true);
  std::printf("ok  mailbox: eager, lazy, aborted, seed %llu\n", static_cast<unsigned long long>(seed));
}

}  // namespace kerneltwin
