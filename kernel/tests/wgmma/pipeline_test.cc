// The wgmma pipeline's own code, on the emulated block: all token widths of every tile shape, tiles whose depth is shorter and
// longer than the ring, narrow tiles, other tasks between them, results against fp64, nothing written outside.
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "fixtures.h"

namespace kerneltwin {
namespace {

/// One GEMM's tensors: random operands, poisoned output with a row of slack.
struct Matrices {
  uint32_t weightRows, tokenRows, depth;
  std::vector<bf16> weights, tokens;
  std::vector<float> bias;

  Matrices(uint32_t w, uint32_t t, uint32_t k, Random& random)
      : weightRows(w), tokenRows(t), depth(k), weights(w * k), tokens(t * k), bias(w) {
    for (bf16& x : weights) x = random.value();
    for (bf16& x : tokens) x = random.value();
    for (float& x : bias) x = toFloat(random.value());
  }
};

struct Output {
  std::vector<bf16> memory;
  uint32_t stride;
};

/// Hands out a list of tasks, late at random, and checks the order of the clerk's calls.
struct ListSource {
  const std::vector<TileTask>& tasks;
  std::vector<std::string>& log;
  uint32_t next = 0, begunCount = 0, startedCount = 0, finishedCount = 0;
  uint64_t lastStart = 0;

  bool take(TileTask& task) {
    if (emulator::Block::current().random(3) == 0) {
      emulator::Block::current().yield();
      return false;
    }
    emulator::Block::current().progress();
    if (next - begunCount >= kTasksAhead) throw std::runtime_error("took a task too early");
    if (next == tasks.size()) {
      task.kind = TaskKind::Exit;
      return true;
    }
    task = tasks[next++];
    return true;
  }
  void begun(const TileTask& t) { expect(t, begunCount++); }
  void started(const TileTask& t, uint64_t at) {
    expect(t, startedCount++);
    if (startedCount != finishedCount + 1) throw std::runtime_error("two tasks started");
    if (at < lastStart) throw std::runtime_error("a start went back in time");
    lastStart = at;
  }
  void finished(const TileTask& t) { expect(t, finishedCount++); }
  void close() {
    if (finishedCount != tasks.size()) throw std::runtime_error("closed before all tasks were finished");
    log.push_back("closed");
  }
  void expect(const TileTask& t, uint32_t position) const {
    if (t.index != tasks[position].index) throw std::runtime_error("tasks out of order");
  }
};

/// Counts the threads that ran another task.
struct CountOther {
  std::vector<uint32_t>& runs;
  void operator()(const TileTask& task, uint32_t thread) {
    if (thread >= kConsumerThreads) throw std::runtime_error("thread of another task out of range");
    ++runs[task.index];
  }
};

void checkTile(const Matrices& m, const TileTask& t, const Output& out, float bound) {
  for (uint32_t r = 0; r < out.memory.size() / out.stride; ++r) {
    for (uint32_t c = 0; c < out.stride; ++c) {
      const bf16 got = out.memory[r * out.stride + c];
      if (r >= t.rows || c >= t.columns) {
        if (got.bits != kPoison) throw std::runtime_error("wrote outside the tile");
        continue;
      }
      double sum = t.bias != nullptr ? t.bias[c] : 0.0;
      for (uint32_t k = 0; k < t.steps * kStageDepth; ++k) {
        sum += static_cast<double>(toFloat(m.weights[(t.weightRow + c) * m.depth + k])) *
               toFloat(m.tokens[(t.tokenRow + r) * m.depth + k]);
      }
      const float want = activated(static_cast<Activation>(t.activation), static_cast<float>(sum));
      const float error = std::fabs(toFloat(got) - want);
      if (!(error <= bound * (1.0f + std::fabs(want)))) {
        throw std::runtime_error("row " + std::to_string(r) + " column " + std::to_string(c) + ": got " +
                                 std::to_string(toFloat(got)) + ", expected " + std::to_string(want));
      }
    }
  }
}

/// One launch of `rows.size()` tiles on one block.
template <class Config>
void runTiles(const std::vector<uint32_t>& rows, uint64_t seed) {
  Random random{seed};
  constexpr uint32_t kMaxSteps = 2 * 3 + 1;
  const Matrices m(2 * Config::kColumns + 64, Config::kTokens + 64, kMaxSteps * kStageDepth, random);
  TileMaps maps;
  for (uint32_t g = 0; g < 2; ++g) {
    maps.weights[g] = mapOf(m.weights, m.weightRows, m.depth, Config::kColumns);
    for (uint32_t b = 0; b < kTokenBoxes; ++b) maps.tokens[g][b] = mapOf(m.tokens, m.tokenRows, m.depth, boxRows(b));
  }
  std::vector<TileTask> tasks;
  std::vector<Output> outputs;
  for (const uint32_t n : rows) {
    TileTask t = {};
    t.kind = random.below(6) == 0 ? TaskKind::Other : TaskKind::Tile;
    t.index = static_cast<uint32_t>(tasks.size());
    t.gemm = random.below(2);
    t.weightRow = random.below(3) * 64 + random.below(Config::kColumns / 64) * 64;
    t.tokenRow = random.below(8);
    t.steps = 1 + random.below(kMaxSteps);
    t.rows = n;
    t.columns = 64 * (1 + random.below(Config::kColumns / 64));
    if (t.weightRow + t.columns > m.weightRows) t.weightRow = 0;
    t.activation = random.below(4);
    t.readOnce = random.below(2);
    t.bias = random.below(2) ? m.bias.data() + t.weightRow : nullptr;
    outputs.push_back({{}, t.columns + 8 * random.below(3)});
    tasks.push_back(t);
  }
  for (uint32_t i = 0; i < tasks.size(); ++i) {
    outputs[i].memory.assign((Config::kTokens + 8) * outputs[i].stride + 16, bf16{kPoison});
    tasks[i].stride = outputs[i].stride;
    tasks[i].out = outputs[i].memory.data();
  }
  std::vector<std::string> log;
  std::vector<uint32_t> others(tasks.size());
  emulator::Block block(kPipelineThreads, seed);
  CountOther other{others};
  block.run([&] {
    runPipeline<Config>(block.shared(), maps, NoGuard{}, [&] { return ListSource{tasks, log}; }, other);
  });
  if (log.size() != 1) throw std::runtime_error("the clerk did not close its source once");
  for (uint32_t i = 0; i < tasks.size(); ++i) {
    const bool isOther = tasks[i].kind == TaskKind::Other;
    if (others[i] != (isOther ? kConsumerThreads : 0)) throw std::runtime_error("another task ran wrongly");
    TileTask expected = tasks[i];
    if (isOther) expected.rows = 0;
    checkTile(m, expected, outputs[i], 0.01f);
  }
}

template <class Config>
void testConfig(const char* name, uint64_t seed) {
  static_assert(kPipelineShared<Config> <= kSharedLimit);
  // Every width once, in random order, with a random residue below it.
  Random random{seed};
  std::vector<uint32_t> rows;
  for (uint32_t g = 1; g <= Config::kGroups; ++g) rows.push_back(8 * g - random.below(8));
  for (uint32_t i = static_cast<uint32_t>(rows.size()); i-- > 1;) std::swap(rows[i], rows[random.below(i + 1)]);
  for (size_t first = 0; first < rows.size(); first += 8) {
    const std::vector<uint32_t> some(rows.begin() + static_cast<ptrdiff_t>(first),
                                     rows.begin() + static_cast<ptrdiff_t>(std::min(rows.size(), first + 8)));
    runTiles<Config>(some, seed * 977 + first);
  }
  std::printf("ok  %s: %zu widths, seed %llu\n", name, rows.size(), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
}

}  // namespace

void testPipeline(uint64_t seed) {
  testConfig<TileConfig<1, 64, 8, 64>>("128 columns x 64 tokens, 8 stages", seed);
  testConfig<TileConfig<1, 256, 4, 128>>("128 columns x 256 tokens, 4 stages", seed);
  testConfig<TileConfig<2, 160, 4, 64>>("256 columns x 160 tokens, 4 stages", seed);
  testConfig<TileConfig<1, 320, 3, 128>>("128 columns x 320 tokens, 3 stages", seed);
}

}  // namespace kerneltwin
