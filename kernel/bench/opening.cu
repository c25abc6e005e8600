// Benchmark and judge of a launch's opening on its own: gate, rank's barrier, placing, dispatch. One rank, random tokens.
//
//   nvcc -std=c++20 -O3 -gencode=arch=compute_90a,code=sm_90a -Ikernel/include -o opening kernel/bench/opening.cu
//   ./opening
//
//   ./opening --sweep        correctness on odd shapes, without figures
//
// Options: --shape S/H/I/E/k (repeatable; I does not matter)  --block wgmma|copies|mma  --iterations N  --seed N
// `copies`: a wgmma block whose gate is fed as the mma block's, without the copy engine's boxes.
// Prints, for every shape, microseconds from a block's LaunchBegin to each of its steps: the median over all blocks and
// launches, and below it the slowest block of a launch (median over launches). `entry` is the time before LaunchBegin,
// `spread` how much later the last block of a launch begins than the first. Every launch has other tokens, and a cold L2.
// Exit code: 0; 1: a result is wrong; 2: usage or CUDA error.
#include "opening_problem.h"

namespace kerneltwin::bench {
namespace {

constexpr uint32_t kWarmUp = 3;

struct BlockVariant {
  const char* name;
  uint32_t threads, perSm, shared;
  void (*kernel)(const OpeningArgs);
};

template <class Block, class Feed>
BlockVariant variant(const char* name) {
  return {name, Block::kThreads, Block::kPerSm, kOpeningShared<Block>, openingKernel<Block, Feed>};
}

const std::vector<BlockVariant>& variants() {
  static const std::vector<BlockVariant> all = {variant<WgmmaBlock, LogitBoxes<WgmmaBlock>>("wgmma"),
                                                variant<WgmmaBlock, LogitCopies<WgmmaBlock>>("copies"),
                                                variant<MmaBlock, LogitCopies<MmaBlock>>("mma")};
  return all;
}

struct Options {
  std::vector<ModelShape> shapes;
  std::string block = "wgmma";
  uint32_t iterations = 20;
  uint64_t seed = 1;
  bool sweep = false;
};

constexpr Arguments kArguments = {"kernel/bench/opening.cu"};

Options parseOptions(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--sweep") { o.sweep = true; continue; }
    if (i + 1 == argc) kArguments.refuse(name + ": unknown, or its value is missing");
    const std::string value = argv[++i];
    if (name == "--shape") o.shapes.push_back(kArguments.shape(value, {kMaxExperts, kMaxTopK}));
    else if (name == "--block" && (value == "wgmma" || value == "copies" || value == "mma")) o.block = value;
    else if (name == "--iterations") o.iterations = kArguments.number(name, value, 1, 10000);
    else if (name == "--seed") o.seed = kArguments.number(name, value, 0, 0x7fffffff);
    else kArguments.refuse(name + " " + value + ": unknown");
  }
  if (o.shapes.empty() && o.sweep) {
    // No token for most blocks, one or two windows of tokens a block, few experts and the most, one piece a row and several.
    o.shapes = {{1, 64, 64, 1, 1},         {5, 128, 64, 3, 2},       {100, 192, 64, 33, 4},   {131, 2048, 64, 64, 1},
                {1000, 1024, 64, 65, 3},   {777, 4160, 64, 128, 8},  {900, 2048, 64, 129, 7}, {300, 1024, 64, 2048, 8},
                {17000, 448, 64, 16, 4},   {40000, 128, 64, 8, 2},   {2000, 14336, 64, 8, 2}, {3000, 576, 64, 257, 2},
                {8000, 2048, 64, 96, 6}};
  }
  if (o.shapes.empty()) {
    o.shapes = {{1024, 2048, 2048, 64, 2}, {4096, 2048, 2048, 64, 2}, {8192, 2048, 2048, 64, 2},
                {16384, 2048, 2048, 8, 2}, {4096, 7168, 2048, 32, 8}};
  }
  return o;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

/// Microseconds of all launches so far.
struct Figures {
  std::vector<double> steps[kOpeningSteps];     ///< from a block's Begin, of every block
  std::vector<double> slowest[kOpeningSteps];   ///< the same, of the slowest block of a launch
  std::vector<double> spread;

  void add(const std::vector<uint64_t>& stamps) {
    constexpr uint32_t kBegin = static_cast<uint32_t>(OpeningStep::Begin);
    const auto microseconds = [](uint64_t from, uint64_t to) {
      return static_cast<double>(static_cast<int64_t>(to - from)) * 1e-3;
    };
    double most[kOpeningSteps] = {};
    uint64_t first = ~0ull;
    uint64_t last = 0;
    for (size_t b = 0; b < stamps.size(); b += kOpeningSteps) {
      first = std::min(first, stamps[b + kBegin]);
      last = std::max(last, stamps[b + kBegin]);
      for (uint32_t i = 0; i < kOpeningSteps; ++i) {
        const bool entry = i == static_cast<uint32_t>(OpeningStep::Entry);
        if (!entry && stamps[b + i] < stamps[b + kBegin]) continue;  // not taken: a block without tokens
        const double us = std::fabs(microseconds(stamps[b + kBegin], stamps[b + i]));
        steps[i].push_back(us);
        most[i] = std::max(most[i], us);
      }
    }
    for (uint32_t i = 0; i < kOpeningSteps; ++i) slowest[i].push_back(most[i]);
    spread.push_back(microseconds(first, last));
  }

  void print(const std::vector<double> (&of)[kOpeningSteps]) const {
    for (uint32_t i = 0; i < kOpeningSteps; ++i) {
      if (i == static_cast<uint32_t>(OpeningStep::Begin)) continue;
      if (of[i].empty()) std::printf(" %9s", "-");
      else std::printf(" %9.2f", median(of[i]));
    }
  }
};

class Bench {
 public:
  Bench(const BlockVariant& block, const ModelShape& m, uint32_t sms, uint64_t seed)
      : block_(block), blocks_(sms * block.perSm), problem_(m, blocks_, seed) {}

  /// One launch; its stamps are complete on return.
  std::vector<uint64_t> launch() {
    OpeningArgs args = problem_.arguments();
    void* parameters[] = {&args};
    KT_CUDA(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(block_.kernel), dim3(blocks_), dim3(block_.threads),
                                        parameters, block_.shared, nullptr));
    KT_CUDA(cudaDeviceSynchronize());
    std::vector<uint64_t> stamps(static_cast<uint64_t>(blocks_ - 1) * kOpeningSteps);
    KT_CUDA(cudaMemcpyFromSymbol(stamps.data(), openingStamps, stamps.size() * sizeof(uint64_t)));
    return stamps;
  }

  bool run(uint32_t iterations, Figures& figures) {
    bool ok = true;
    for (uint32_t i = 0; ok && i < kWarmUp + iterations; ++i) {
      const bool judged = i == 0 || i + 1 == kWarmUp + iterations;
      if (judged) problem_.poisonRows();
      problem_.prepare(i);
      const std::vector<uint64_t> stamps = launch();
      if (i >= kWarmUp) figures.add(stamps);
      if (judged) ok = problem_.judge(problem_.outcome(), true);
    }
    return ok && repeats();
  }

 private:
  /// The same tokens once more must give the same bits.
  bool repeats() {
    const OpeningProblem::Outcome before = problem_.outcome();
    problem_.evict();
    launch();
    const OpeningProblem::Outcome again = problem_.outcome();
    if (!problem_.judge(again, true)) return false;
    if (again.sameBits(before)) return true;
    std::printf("WRONG the same tokens gave other bits\n");
    return false;
  }

  const BlockVariant& block_;
  uint32_t blocks_;
  OpeningProblem problem_;
};

int runAll(const Options& o) {
  cudaDeviceProp properties;
  KT_CUDA(cudaGetDeviceProperties(&properties, 0));
  if (properties.major != 9) die(__FILE__, __LINE__, "device", "compute capability 9.0 is needed");
  const uint32_t sms = static_cast<uint32_t>(properties.multiProcessorCount);
  const BlockVariant& block = *std::find_if(variants().begin(), variants().end(),
                                            [&](const BlockVariant& v) { return o.block == v.name; });
  if (sms * block.perSm > kMostStampedBlocks) die(__FILE__, __LINE__, "device", "more blocks than stamps");
  KT_CUDA(cudaFuncSetAttribute(reinterpret_cast<const void*>(block.kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(block.shared)));
  std::printf("%s, %u SMs, %s blocks, %u launches a shape, microseconds\n", properties.name, sms, block.name, o.iterations);
  if (!o.sweep) {
    std::printf("    S     H    E  k          entry  products   choices  gate end   barrier    placed    copied       end"
                "    spread\n");
  }
  bool ok = true;
  for (const ModelShape& m : o.shapes) {
    Bench bench(block, m, sms, o.seed);
    Figures figures;
    const bool right = bench.run(o.sweep ? 1 : o.iterations, figures);
    ok &= right;
    if (o.sweep) std::printf("%u/%u/%u/%u: %s\n", m.tokens, m.hidden, m.experts, m.topK, right ? "ok" : "WRONG");
    if (o.sweep || figures.spread.empty()) continue;
    std::printf("%5u %5u %4u %2u  median", m.tokens, m.hidden, m.experts, m.topK);
    figures.print(figures.steps);
    std::printf(" %9.2f  %s\n%21sslowest", median(figures.spread), right ? "ok" : "WRONG", "");
    figures.print(figures.slowest);
    std::printf("\n");
    std::fflush(stdout);
  }
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace kerneltwin::bench

int main(int argc, char** argv) { return kerneltwin::bench::runAll(kerneltwin::bench::parseOptions(argc, argv)); }
