#include "session.h"

#include <optional>

#include "search.h"
#include "strategies.h"
#include "world.h"

namespace kerneltwin::explorer {

namespace {

uint64_t seedOf(uint64_t seed, uint64_t index) { return blend(seed, index); }

class WorldSession final : public Session {
 public:
  explicit WorldSession(WorldConfig config) : world_(std::move(config)) {}
  const std::string& problem() const { return world_.problem(); }

  RunReport run(const RunRequest& request) override {
    RunReport report;
    std::optional<RandomChoices> random;
    std::optional<PctChoices> pct;
    std::optional<ReplayChoices> replay;
    Choices* choices = nullptr;
    const uint64_t seed = seedOf(request.seed, request.index);
    if (request.strategy == Strategy::Random) choices = &random.emplace(seed);
    else if (request.strategy == Strategy::Replay) choices = &replay.emplace(request.choices);
    else choices = &pct.emplace(seed, world_.explorer().fibers(), request.depth, moves());
    RecordingChoices recording(*choices);
    if (request.keepChoices) choices = &recording;
    world_.explorer().keepDigests(request.keepDigests ? &report.digests : nullptr);
    world_.explorer().keepAccesses(request.keepAccesses ? &report.accesses : nullptr);
    report.failed = !world_.run(*choices, request.keepEvents ? &report.events : nullptr, request.maxSteps);
    world_.explorer().keepDigests(nullptr);
    world_.explorer().keepAccesses(nullptr);
    report.steps = world_.explorer().steps();
    if (report.failed) report.failure = world_.explorer().failure();
    report.choices = recording.sequence();
    return report;
  }

  BatchReport batch(const BatchRequest& request) override {
    BatchReport report;
    for (uint64_t i = request.first; i < request.first + request.runs; ++i) {
      const bool held = request.strategy == Strategy::Pct ? runPct(request, i) : runRandom(request, i);
      ++report.runs;
      report.steps += world_.explorer().steps();
      if (held) continue;
      const Failure& failure = world_.explorer().failure();
      count(report.failures, failure, i);
      if (request.until.empty() || request.until == failure.invariant) break;
    }
    return report;
  }

  SearchResult search(uint64_t maxStates, bool reduce, std::string& problem) override {
    const WorldConfig& c = world_.config();
    if (c.model != Model::SequentiallyConsistent || c.puts > 0 || c.lanes != Lanes::Up) {
      problem = "a search needs model 'sc', direct stores (puts 0) and lanes 'up'";
      return {};
    }
    return Search(world_).run(maxStates, reduce);
  }
  uint32_t locations() const override { return world_.explorer().memory.locations(); }

 private:
  bool runRandom(const BatchRequest& request, uint64_t index) {
    RandomChoices choices(seedOf(request.seed, index));
    return world_.run(choices, nullptr, request.maxSteps);
  }
  bool runPct(const BatchRequest& request, uint64_t index) {
    const uint32_t bound = moves();
    PctChoices choices(seedOf(request.seed, index), world_.explorer().fibers(), request.depth, bound);
    return world_.run(choices, nullptr, request.maxSteps);
  }

  static void count(std::vector<FailureCount>& counts, const Failure& failure, uint64_t run) {
    for (FailureCount& c : counts) {
      if (c.first.invariant != failure.invariant) continue;
      ++c.count;
      return;
    }
    counts.push_back({failure, run, 1});
  }

  /// Bound on the moves of a run, for PCT: twice the accesses of one random run, because a failed poll moves on too.
  uint32_t moves() {
    if (moves_ == 0) {
      RandomChoices choices(1);
      world_.run(choices, nullptr, 1u << 20);
      moves_ = static_cast<uint32_t>(2 * world_.explorer().steps());
    }
    return moves_;
  }

  World world_;
  uint32_t moves_ = 0;
};

}  // namespace

std::unique_ptr<Session> openSession(WorldConfig config, std::string& problem) {
  problem = validate(config);
  if (!problem.empty()) return nullptr;
  auto session = std::make_unique<WorldSession>(std::move(config));
  problem = session->problem();
  if (!problem.empty()) return nullptr;
  return session;
}

}  // namespace kerneltwin::explorer
