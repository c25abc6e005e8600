#include "world.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../../src/fill_value.h"
#include "../../src/forward_wgmma.h"
#include "../../src/oracle.h"
#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/forward_wgmma.cuh"
#include "kerneltwin/actors/transport_direct.cuh"
#include "kerneltwin/actors/transport_put.cuh"
#include "machine.h"
#include "tensor.h"

namespace emulator {
namespace {

constexpr uint32_t kTraceRecords = 1 << 14;
/// Emulated nanoseconds after which a launch gives itself up, and turns after which the test does. A launch of these tests
/// takes under a million.
constexpr uint64_t kDeadline = 20'000'000;
constexpr uint64_t kTurns = 60'000'000;

uint32_t most(const std::vector<uint32_t>& values) {
  return std::max(1u, *std::max_element(values.begin(), values.end()));
}

[[noreturn]] void fail(const std::string& message) { throw std::runtime_error(message); }

double activation(Activation a, double x) {
  switch (a) {
    case Activation::Relu: return std::max(x, 0.0);
    case Activation::Gelu: return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Activation::Silu: return x / (1.0 + std::exp(-x));
    default: return x;
  }
}

void put(bf16& to, float x) { to = toBf16(x); }
void put(float& to, float x) { to = x; }

template <class T>
void fillBuffer(Buffer<T>& buffer, uint64_t seed, uint32_t tensor, uint32_t owner, float amplitude, uint64_t first,
                uint64_t count) {
  const uint64_t stream = streamOf({seed, tensor, owner});
  for (uint64_t i = 0; i < count; ++i) put(buffer[first + i], fillValue(stream, i, amplitude));
}

bool isWide(const Config& c) { return c.wgmma && c.tileCols > Tile128x128::kTaskColumns; }
/// As the library chooses: wide tiles of few rows are one block's.
bool inPairs(const Config& c) { return isWide(c) && c.tileRows > Tile256x64::kTokens; }

}  // namespace

World::World(const Config& config, uint64_t seed)
    : config_(config), processors_(config.blocks / (inPairs(config) ? 2 : 1) - 1), ranks_(config.ranks) {
  uint32_t slots = 0;
  for (uint32_t r = 0; r < config.ranks; ++r) slots = std::max(slots, config.placement[r + 1] - config.placement[r]);
  const uint32_t rows = config.keep != 0 ? config.keep : most(config.tokens);
  shape_ = {config.ranks,    config.placement.back(),
            slots,           most(config.tokens),
            config.hidden,   config.intermediate,
            config.topK,     config.capacity != 0 ? config.capacity : roundUp(rows, config.tileRows),
            config.tileRows, config.tileCols,
            isGated(config.activation)};
  for (uint32_t r = 0; r < config.ranks; ++r) allocate(ranks_[r], r);
  for (uint32_t r = 0; r < config.ranks; ++r) fill(ranks_[r], r, seed);
  symmetricMemory.clear();
  for (Rank& r : ranks_) {
    symmetricMemory.push_back({reinterpret_cast<char*>(r.heap.get()), reinterpret_cast<char*>(r.flags.get()),
                               r.heap.count() * 2, r.flags.count() * 8});
    for (uint32_t p = 0; p < config.ranks; ++p) {
      r.peerHeaps[p] = ranks_[p].heap.get();
      r.peerFlags[p] = ranks_[p].flags.get();
    }
  }
}

void World::allocate(Rank& r, uint32_t rank) {
  const Shape& s = shape_;
  const uint64_t tokens = s.tokens;
  const uint64_t local = config_.placement[rank + 1] - config_.placement[rank];
  const uint32_t rings = processors_ + 1 + subscribers();
  r.x = Buffer<bf16>(tokens * s.hidden);
  r.wg = Buffer<bf16>(static_cast<uint64_t>(s.experts) * s.hidden);
  r.w1 = Buffer<bf16>(local * w1Rows(s) * s.hidden);
  r.w2 = Buffer<bf16>(local * s.hidden * s.intermediate);
  r.b1 = Buffer<float>(local * w1Rows(s));
  r.b2 = Buffer<float>(local * s.hidden);
  r.out = Buffer<bf16>(tokens * s.hidden);
  r.choices = Buffer<uint32_t>(tokens * s.topK);
  r.rows = Buffer<uint32_t>(tokens * s.topK);
  r.scales = Buffer<float>(tokens * s.topK);
  r.heap = Buffer<bf16>(heapElements(s));
  r.flags = Buffer<uint64_t>(flagCount(s), 0);
  r.intermediate = Buffer<bf16>(intermediateElements(s));
  r.counts = Buffer<uint32_t>(static_cast<uint64_t>(processors_) * s.experts);
  r.ownRows = Buffer<uint32_t>(static_cast<uint64_t>(config_.blocks) * s.experts);
  r.entryOfRow = Buffer<uint32_t>(static_cast<uint64_t>(s.experts) * s.capacity);
  r.cellArrivals = Buffer<uint32_t>(s.experts, 0);
  r.rowBlockArrivals = Buffer<uint32_t>(static_cast<uint64_t>(s.slots) * s.ranks * cellRowBlocks(s), 0);
  r.tokenArrivals = Buffer<uint32_t>(tokens * gemm1Cols(s), 0);
  r.barrier = Buffer<uint64_t>(1, 0);
  r.doorbells = Buffer<uint64_t>(static_cast<uint64_t>(processors_) * kDoorbellStride, 0);
  r.status = Buffer<uint32_t>(processors_, initialStatus(config_.eager) == 0 ? 0 : 0xff);
  r.processorRing = Buffer<uint64_t>(processorQueueCapacity(s), 0);
  r.processorTail = Buffer<uint32_t>(1, 0);
  r.subscriberRings = Buffer<uint64_t>(static_cast<uint64_t>(subscribers()) * subscriberQueueCapacity(s), 0);
  r.tickets = Buffer<uint32_t>(subscribers(), 0);
  r.heads = Buffer<uint32_t>(subscribers() + 1, 0);
  r.watch = Buffer<WatchChunk>(static_cast<uint64_t>(subscribers()) * watchListCapacity(s));
  r.placement = Buffer<uint32_t>(config_.placement.size());
  std::copy(config_.placement.begin(), config_.placement.end(), r.placement.get());
  r.peerHeaps = Buffer<bf16*>(s.ranks);
  r.peerFlags = Buffer<uint64_t*>(s.ranks);
  r.osReport = Buffer<OsReport>(1);
  r.abort = Buffer<AbortWords>(1, 0);
  r.ringHeaders = Buffer<TraceRingHeader>(rings, 0);
  r.ringRecords = Buffer<TraceRecord>(static_cast<uint64_t>(rings) * kTraceRecords);
}

void World::fill(Rank& r, uint32_t rank, uint64_t seed) {
  const Shape& s = shape_;
  const auto scale = [](double n) { return static_cast<float>(std::sqrt(3.0 / n)); };
  fillBuffer(r.x, seed, 0, rank, 1.0f, 0, r.x.count());
  fillBuffer(r.wg, seed, 1, 0, 2.0f / std::sqrt(static_cast<float>(s.hidden)), 0, r.wg.count());
  const uint32_t local = config_.placement[rank + 1] - config_.placement[rank];
  for (uint32_t slot = 0; slot < local; ++slot) {
    const uint32_t e = config_.placement[rank] + slot;
    const uint64_t first = static_cast<uint64_t>(s.hidden) * w1Rows(s);
    const uint64_t matrix = static_cast<uint64_t>(s.hidden) * s.intermediate;
    fillBuffer(r.w1, seed, 2, e, scale(s.hidden), slot * first, first);
    fillBuffer(r.b1, seed, 3, e, 0.5f, static_cast<uint64_t>(slot) * w1Rows(s), w1Rows(s));
    fillBuffer(r.w2, seed, 4, e, scale(s.intermediate), slot * matrix, matrix);
    fillBuffer(r.b2, seed, 5, e, 0.5f, static_cast<uint64_t>(slot) * s.hidden, s.hidden);
  }
  for (uint64_t i = 0; config_.hot && i < r.choices.count(); ++i) r.choices[i] = i % s.topK;
}

void World::prepare(const std::vector<uint32_t>& tokens, const std::vector<uint32_t>& keeps) {
  tokens_ = tokens;
  keeps_ = keeps;
  keeps_.resize(config_.ranks, config_.keep != 0 ? config_.keep : shape_.capacity);
  for (uint32_t rank = 0; rank < config_.ranks; ++rank) {
    Rank& r = ranks_[rank];
    std::fill_n(r.out.get(), r.out.count(), bf16{0xffff});
    LaunchArgs& a = r.args;
    a = {};
    a.shape = shape_;
    a.placement = r.placement.get();
    a.rank = rank;
    a.epoch = epoch_;
    a.tokens = tokens[rank];
    a.keep = keeps_[rank];
    a.activation = config_.activation;
    a.renormalise = config_.renormalise;
    a.given = config_.given;
    a.eager = config_.eager;
    a.scheduling = config_.scheduling;
    a.deadlineNs = kDeadline;
    a.tensors = {r.x.get(),    r.wg.get(),
                 r.w1.get(),   config_.bias ? r.b1.get() : nullptr,
                 r.w2.get(),   config_.bias ? r.b2.get() : nullptr,
                 r.out.get(),  r.choices.get(),
                 r.rows.get(), r.scales.get()};
    a.symmetric = {r.heap.get(), r.flags.get(), r.peerHeaps.get(), r.peerFlags.get()};
    a.work = {r.intermediate.get(),  r.counts.get(),        r.ownRows.get(),
              r.entryOfRow.get(),    r.cellArrivals.get(),  r.rowBlockArrivals.get(),
              r.tokenArrivals.get(), r.barrier.get(),       {r.doorbells.get(), r.status.get()},
              r.processorRing.get(), r.processorTail.get(), r.subscriberRings.get(),
              r.tickets.get(),       r.heads.get(),         r.watch.get(),
              r.osReport.get(),      r.abort.get()};
    a.trace = {r.ringHeaders.get(), r.ringRecords.get(), kTraceRecords};
  }
}

template <class Tile>
void World::runWgmma(uint64_t seed, const std::vector<uint32_t>& ranks) {
  std::vector<WgmmaArgs> args;
  for (uint32_t r = 0; r < config_.ranks; ++r) {
    Rank& own = ranks_[r];
    const TileMatrices matrices = {own.w1.get(), own.w2.get(), own.heap.get(), own.intermediate.get(),
                                   config_.placement[r + 1] - config_.placement[r]};
    args.push_back({ptx::mapsOf(shape_, matrices, Tile::kColumns), ptx::gateMapsOf(shape_, own.wg.get(), own.x.get()), own.args});
  }
  Tensor::reset();
  Machine machine({config_.ranks, config_.blocks, WgmmaBlock::kThreads, kWgmmaSharedBytes<Tile>, Tile::kCtas}, seed);
  machine.run([&](uint32_t rank) { forwardWgmma<Tile>(args[rank], config_.blocks); }, kTurns, ranks);
}

void World::run(uint64_t seed, const std::vector<uint32_t>& ranks) {
  if (inPairs(config_)) return runWgmma<PairTile256x288>(seed, ranks);
  if (isWide(config_)) return runWgmma<Tile256x64>(seed, ranks);
  if (config_.wgmma) return runWgmma<Tile128x128>(seed, ranks);
  Machine machine({config_.ranks, config_.blocks, kBlockThreads, kSharedBytes}, seed);
  machine.run(
      [&](uint32_t rank) {
        if (config_.put) forward<PutTransport>(ranks_[rank].args, config_.blocks);
        else forward<DirectTransport>(ranks_[rank].args, config_.blocks);
      },
      kTurns, ranks);
}

void World::launch(const std::vector<uint32_t>& tokens, uint64_t seed, const std::vector<uint32_t>& keeps) {
  prepare(tokens, keeps);
  run(seed, {});
  checkQuiet();
  ++epoch_;
}

void World::launchAlone(uint64_t seed) {
  prepare(config_.tokens, {});
  run(seed, {0});
  const uint32_t code = ranks_[0].abort[0].code;
  if (code != static_cast<uint32_t>(AbortCode::Deadline))
    fail("expected a deadline, got abort code " + std::to_string(code));
}

/// What must hold between launches: counters back at zero, queues drained, signals read, rings whole.
void World::checkQuiet() {
  for (uint32_t rank = 0; rank < config_.ranks; ++rank) {
    Rank& r = ranks_[rank];
    const std::string who = "rank " + std::to_string(rank) + ": ";
    if (r.abort[0].code != 0) {
      fail(who + "aborted with code " + std::to_string(r.abort[0].code) + " at site " +
           std::to_string(r.abort[0].site));
    }
    if (!r.cellArrivals.allZero() || !r.rowBlockArrivals.allZero() || !r.tokenArrivals.allZero()) {
      fail(who + "an arrival counter is not back at zero");
    }
    for (uint64_t f = dispatchFlags(shape_); f < flagCount(shape_); ++f) {
      if (r.flags[f] != 0) fail(who + "combine flag " + std::to_string(f) + " was not read");
    }
    for (uint32_t q = 0; q < subscribers(); ++q) {
      if (r.tickets[q] != r.heads[q]) fail(who + "queue of subscriber " + std::to_string(q) + " is not drained");
    }
    if (r.processorTail[0] != r.heads[subscribers()]) fail(who + "the processors' queue is not drained");
    for (uint32_t ring = 0; ring < r.ringHeaders.count(); ++ring) {
      const TraceRingHeader& h = r.ringHeaders[ring];
      if (h.launch != epoch_ || h.written == 0 || h.written > h.capacity) {
        fail(who + "ring " + std::to_string(ring) + " holds " + std::to_string(h.written) + " records of launch " +
             std::to_string(h.launch));
      }
    }
  }
}

void World::checkRouting(Rank& r, uint32_t tokens, uint32_t keep) {
  const Shape& s = shape_;
  std::vector<uint32_t> choices(r.choices.get(), r.choices.get() + static_cast<uint64_t>(tokens) * s.topK);
  for (uint32_t c : choices) {
    if (c >= s.experts) fail("a choice is no expert: " + std::to_string(c));
  }
  const std::vector<uint32_t> rows = placeInTokenOrder(choices, s.experts, keep);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != r.rows[i])
      fail("choice " + std::to_string(i) + " has row " + std::to_string(r.rows[i]) + ", expected " +
           std::to_string(rows[i]));
    dropped_ += rows[i] == kDropped;
  }
}

/// The rank's outputs in fp64; judges choices and scales on the way.
std::vector<double> World::reference(Rank& r, uint32_t tokens) {
  const Shape& s = shape_;
  std::vector<double> out(static_cast<uint64_t>(tokens) * s.hidden, 0.0);
  const Placement placement = {r.placement.get(), s.ranks};
  for (uint32_t t = 0; t < tokens; ++t) {
    std::vector<double> logit(s.experts);
    for (uint32_t e = 0; e < s.experts; ++e) {
      for (uint32_t h = 0; h < s.hidden; ++h) {
        logit[e] += static_cast<double>(toFloat(r.x[static_cast<uint64_t>(t) * s.hidden + h])) *
                    toFloat(r.wg[static_cast<uint64_t>(e) * s.hidden + h]);
      }
    }
    std::vector<uint32_t> order(s.experts);
    for (uint32_t e = 0; e < s.experts; ++e) order[e] = e;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return logit[a] > logit[b]; });
    const uint64_t first = static_cast<uint64_t>(t) * s.topK;
    double total = 0.0;
    for (uint32_t e = 0; e < s.experts && !config_.renormalise; ++e) total += std::exp(logit[e]);
    for (uint32_t j = 0; j < s.topK && config_.renormalise; ++j) total += std::exp(logit[r.choices[first + j]]);
    for (uint32_t j = 0; j < s.topK; ++j) {
      const uint32_t e = r.choices[first + j];
      if (!config_.given && std::fabs(logit[e] - logit[order[j]]) > 1e-4)
        fail("token " + std::to_string(t) + " choice " + std::to_string(j) + " is expert " + std::to_string(e));
      const double scale = std::exp(logit[e]) / total;
      if (std::fabs(scale - r.scales[first + j]) > 1e-4)
        fail("token " + std::to_string(t) + " scale " + std::to_string(r.scales[first + j]));
      if (r.rows[first + j] == kDropped) continue;
      const ExpertHome home = placement.home(e);
      Rank& owner = ranks_[home.rank];
      const uint64_t matrix = static_cast<uint64_t>(home.slot) * s.hidden * s.intermediate;
      const auto product = [&](uint64_t row) {  // of the token and a row of the expert's W1
        const uint64_t at = static_cast<uint64_t>(home.slot) * w1Rows(s) + row;
        double sum = config_.bias ? owner.b1[at] : 0.0;
        for (uint32_t h = 0; h < s.hidden; ++h)
          sum += static_cast<double>(toFloat(r.x[static_cast<uint64_t>(t) * s.hidden + h])) *
                 toFloat(owner.w1[at * s.hidden + h]);
        return sum;
      };
      std::vector<double> inner(s.intermediate);
      for (uint32_t i = 0; i < s.intermediate; ++i) {
        if (!isGated(config_.activation)) {
          inner[i] = activation(config_.activation, product(i));
          continue;
        }
        // Column i: gate in row i % 8 of the i / 8-th sixteen, up eight rows further.
        const Activation gate = config_.activation == Activation::Swiglu ? Activation::Silu : Activation::Gelu;
        inner[i] = activation(gate, product(i / 8 * 16 + i % 8)) * product(i / 8 * 16 + 8 + i % 8);
      }
      for (uint32_t h = 0; h < s.hidden; ++h) {
        double sum = config_.bias ? owner.b2[static_cast<uint64_t>(home.slot) * s.hidden + h] : 0.0;
        for (uint32_t i = 0; i < s.intermediate; ++i)
          sum += inner[i] * toFloat(owner.w2[matrix + static_cast<uint64_t>(h) * s.intermediate + i]);
        out[static_cast<uint64_t>(t) * s.hidden + h] += scale * sum;
      }
    }
  }
  return out;
}

double World::check() {
  double difference = 0.0;
  double norm = 0.0;
  for (uint32_t rank = 0; rank < config_.ranks; ++rank) {
    Rank& r = ranks_[rank];
    checkRouting(r, tokens_[rank], keeps_[rank]);
    const std::vector<double> want = reference(r, tokens_[rank]);
    for (uint64_t i = 0; i < r.out.count(); ++i) {
      const bool written = r.out[i].bits != 0xffff;
      if (written != (i < want.size()))
        fail("rank " + std::to_string(rank) + " element " + std::to_string(i) +
             (written ? " was written" : " was not written"));
      if (i >= want.size()) continue;
      const double d = toFloat(r.out[i]) - want[i];
      if (!std::isfinite(d)) fail("rank " + std::to_string(rank) + " element " + std::to_string(i) + " is not finite");
      difference += d * d;
      norm += want[i] * want[i];
    }
  }
  const double error = norm > 0.0 ? std::sqrt(difference / norm) : std::sqrt(difference);
  if (error > 1e-2) fail("relative error " + std::to_string(error));
  return error;
}

std::vector<uint16_t> World::outputs() {
  std::vector<uint16_t> bits;
  for (Rank& r : ranks_) {
    for (uint64_t i = 0; i < r.out.count(); ++i) bits.push_back(r.out[i].bits);
  }
  return bits;
}

}  // namespace emulator
