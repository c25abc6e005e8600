// Benchmark and judge of the wgmma pipeline on its own: grouped GEMM0 and GEMM1 of an MoE layer with random routing, one rank.
//
//   nvcc -std=c++20 -O3 -gencode=arch=compute_90a,code=sm_90a -Ikernel/include -o gemm_tile kernel/bench/gemm_tile.cu
//   ./gemm_tile --sweep          correctness of every tile shape on small problems, odd sizes, few blocks
//   ./gemm_tile                  the shapes of the figures: correctness and time
//
// Options: --shape S/H/I/E/k (repeatable)  --tile NAME (repeatable; --list prints them)  --iterations N  --sets N
//          --claim static|dynamic  --raster row|column  --lag N (experts between GEMM0 and GEMM1 in one launch)
//          --activation 0..3 (1: relu)  --seed N  --json FILE
// Exit code: 0; 1: a result is wrong; 2: usage or CUDA error; 3: a wait ran out of time.
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "gemm_tile_problem.h"

namespace kerneltwin::bench {
namespace {

/// bf16 matmul ceiling measured on an H200, and its memory rate.
constexpr double kTensorFlops = 780e12;
constexpr double kMemoryBytes = 4.3e12;
constexpr uint64_t kLaunchLimitNs = 2'000'000'000;

struct TileVariant {
  const char* name;
  uint32_t columns, tokens, stages, shared, ctas;
  void (*kernel)(const ListArgs);
};

template <class Config>
TileVariant variant(const char* name) {
  static_assert(kPipelineShared<Config> <= kSharedLimit);
  return {name, Config::kTaskColumns, Config::kTokens, Config::kStages, kPipelineShared<Config>, Config::kCtas,
          listKernel<Config>};
}

/// Columns x tokens x stages; "2 x" before it: a pair of blocks.
const std::vector<TileVariant>& variants() {
  static const std::vector<TileVariant> all = {
      variant<TileConfig<1, 256, 4, 48, 2>>("128x256x4"), variant<TileConfig<1, 288, 4, 48, 1>>("128x288x4"),
      variant<TileConfig<1, 192, 5, 32, 2>>("128x192x5"), variant<TileConfig<1, 128, 6, 48, 2>>("128x128x6"),
      variant<TileConfig<1, 288, 4, 16, 2>>("128x288x4b"), variant<TileConfig<1, 256, 4, 48, 1>>("128x256x4b"),
      variant<TileConfig<2, 160, 4, 48, 1>>("256x160x4"), variant<TileConfig<2, 192, 3, 64, 2>>("256x192x3"),
      variant<TileConfig<1, 64, 8, 64, 1>>("128x64x8"),    variant<TileConfig<2, 64, 5, 32, 2>>("256x64x5"),
      variant<TileConfig<1, 256, 4, 48, 2, 2>>("2x128x256x4"), variant<TileConfig<1, 288, 4, 48, 1, 2>>("2x128x288x4"),
      variant<TileConfig<1, 160, 5, 48, 2, 2>>("2x128x160x5"), variant<TileConfig<2, 176, 3, 64, 2, 2>>("2x256x176x3"),
  };
  return all;
}

struct Options {
  std::vector<ModelShape> shapes;
  std::vector<std::string> tiles;
  uint32_t iterations = 30;
  uint32_t sets = 2;
  uint32_t lag = 8;
  uint32_t activation = static_cast<uint32_t>(Activation::Relu);
  uint64_t seed = 1;
  bool dynamic = true;
  bool sweep = false;
  Raster raster = Raster::ColumnFirst;
  std::string json;
};

struct Machine {
  uint32_t blocks;
  PFN_cuTensorMapEncodeTiled_v12000 encode;
  Diagnosis* diagnosis;   ///< host memory the device can write
};

/// A launch that failed: says where its waits stood.
[[noreturn]] void reportFailure(const Machine& machine, const char* what, cudaError_t status) {
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
  const Diagnosis d = *machine.diagnosis;
  if (d.where == 0) std::exit(2);
  std::fprintf(stderr, "a wait ran out of time: kind %u (1 task, 2 full stage, 3 empty stage, 9 GEMM0 tiles), block %u, "
               "thread %u, detail %u\n", d.where, d.block, d.thread, d.detail);
  std::exit(3);
}

/// A task list on the device and the counters of a launch over it.
struct TaskList {
  Buffer<uint32_t> order;
  TaskList(const std::vector<uint32_t>& tasks) : order(tasks.size()) { order.copyFrom(tasks); }
};

struct Run {
  const Machine& machine;
  const TileVariant& tile;
  const Options& options;
  Shape shape;
  Buffer<uint32_t> rows;
  Buffer<uint32_t> counters;   ///< claim word, then row block arrivals
  TaskList phase[2];
  TaskList merged;
  uint32_t grid;

  Run(const Machine& m, const TileVariant& t, const Options& o, const Shape& s, const std::vector<uint32_t>& r,
      uint32_t blocks)
      : machine(m), tile(t), options(o), shape(s), rows(r.size()),
        counters(1 + static_cast<uint64_t>(s.experts) * cellRowBlocks(s)),
        phase{phaseOrder(s, r, o.raster, false), phaseOrder(s, r, o.raster, true)},
        merged(mergedOrder(s, r, o.raster, o.lag)), grid(blocks) {
    rows.copyFrom(r);
    KT_CUDA(cudaFuncSetAttribute(reinterpret_cast<const void*>(tile.kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(tile.shared)));
  }

  void clear() { KT_CUDA(cudaMemsetAsync(counters.get(), 0, counters.count() * sizeof(uint32_t))); }

  /// One launch over a list; `clear` before it.
  void launch(const TensorSet& set, const TaskList& list, bool dependent) {
    ListArgs args;
    args.maps = set.maps;
    args.shape = shape;
    args.places = {set.intermediate.get(), set.b1.get(), set.b2.get(), options.activation};
    args.heap = set.heap.get();
    args.rows = rows.get();
    args.order = list.order.get();
    args.count = static_cast<uint32_t>(list.order.count());
    args.claim = options.dynamic ? counters.get() : nullptr;
    args.rowBlockArrivals = dependent ? counters.get() + 1 : nullptr;
    args.limitNs = kLaunchLimitNs;
    args.diagnosis = machine.diagnosis;
    cudaLaunchAttribute cluster = {};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {tile.ctas, 1, 1};
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(grid / tile.ctas * tile.ctas);
    config.blockDim = dim3(kPipelineThreads);
    config.dynamicSmemBytes = tile.shared;
    config.attrs = &cluster;
    config.numAttrs = 1;
    KT_CUDA(cudaLaunchKernelEx(&config, tile.kernel, args));
  }

  void finish(const char* what) {
    const cudaError_t status = cudaDeviceSynchronize();
    if (status != cudaSuccess) reportFailure(machine, what, status);
  }

  Verdict judge(const TensorSet& set, bool second) {
    Buffer<Verdict> verdict(1);
    verdict.fill(0);
    const PhaseView view = {shape, second, second ? set.w2.get() : set.w1.get(), second ? set.b2.get() : set.b1.get(),
                            set.heap.get(), set.intermediate.get(),
                            second ? Activation::Identity : static_cast<Activation>(options.activation)};
    const dim3 blocks(ceilDiv(second ? shape.hidden : shape.intermediate, kJudgeTile),
                      ceilDiv(shape.capacity, kJudgeTile), shape.experts);
    judgePhase<<<blocks, dim3(16, 16)>>>(view, rows.get(), verdict.get());
    KT_CUDA(cudaGetLastError());
    Verdict out;
    KT_CUDA(cudaMemcpy(&out, verdict.get(), sizeof out, cudaMemcpyDeviceToHost));
    return out;
  }
};

bool good(const Verdict& v) {
  return v.wrong == 0 && v.strays == 0 && std::sqrt(v.squaredError / v.squaredReference) < 1e-2;
}

/// Prints only what is wrong; true when nothing is.
bool accept(const char* what, const TileVariant& tile, const Verdict& v) {
  if (good(v)) return true;
  std::printf("WRONG %s %s: %llu values over tolerance (worst %.2f times), %llu stray writes, relative error %.3g\n",
              tile.name, what, v.wrong, v.worst, v.strays, std::sqrt(v.squaredError / v.squaredReference));
  return false;
}

struct Timing {
  double gemm0, gemm1, merged;   ///< medians, ms
};

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

double milliseconds(Run& run, const TensorSet& set, const TaskList& list, bool dependent, cudaEvent_t from, cudaEvent_t to) {
  run.clear();
  KT_CUDA(cudaEventRecord(from));
  run.launch(set, list, dependent);
  KT_CUDA(cudaEventRecord(to));
  run.finish("timed launch");
  float ms = 0;
  KT_CUDA(cudaEventElapsedTime(&ms, from, to));
  return ms;
}

Timing measure(Run& run, const std::vector<std::unique_ptr<TensorSet>>& sets, uint32_t iterations) {
  cudaEvent_t from, to;
  KT_CUDA(cudaEventCreate(&from));
  KT_CUDA(cudaEventCreate(&to));
  std::vector<double> ms[3];
  constexpr uint32_t kWarmUp = 5;
  for (uint32_t i = 0; i < kWarmUp + iterations; ++i) {
    const TensorSet& set = *sets[i % sets.size()];
    const double t[3] = {milliseconds(run, set, run.phase[0], false, from, to),
                         milliseconds(run, set, run.phase[1], false, from, to),
                         milliseconds(run, set, run.merged, true, from, to)};
    for (uint32_t j = 0; j < 3 && i >= kWarmUp; ++j) ms[j].push_back(t[j]);
  }
  KT_CUDA(cudaEventDestroy(from));
  KT_CUDA(cudaEventDestroy(to));
  return {median(ms[0]), median(ms[1]), median(ms[2])};
}

/// The two numbers every shape has, and what the tiles add to the first.
struct Work {
  double flops;         ///< of both GEMMs, kept rows only
  double computed;      ///< with rows rounded up to 8 a row block and columns to the tile
  double bytes;         ///< every weight and row once
};

Work workOf(const Shape& s, const std::vector<uint32_t>& rows) {
  Work w = {};
  const double matrix = static_cast<double>(s.hidden) * s.intermediate;
  for (const uint32_t n : rows) {
    w.flops += 4.0 * n * matrix;
    w.bytes += (n > 0 ? 4.0 * matrix : 0) + 2.0 * n * (2.0 * s.hidden + 2.0 * s.intermediate);
    for (uint32_t b = 0; b < rowBlocks(s, n); ++b) {
      const double computed = roundUp(rowSpan(s, n, b).count, 8);
      w.computed += 2.0 * computed * s.tileCols *
                    (static_cast<double>(gemm0Cols(s)) * s.hidden + static_cast<double>(gemm1Cols(s)) * s.intermediate);
    }
  }
  return w;
}

bool benchShape(const Machine& machine, const Options& o, const ModelShape& m, const TileVariant& tile, std::FILE* json) {
  const std::vector<uint32_t> rows = routeAtRandom(m, o.seed);
  const Shape s = worldShape(m, rows, tile.tokens, tile.columns);
  Run run(machine, tile, o, s, rows, machine.blocks);
  std::vector<std::unique_ptr<TensorSet>> sets;
  for (uint32_t i = 0; i < o.sets; ++i) {
    sets.push_back(std::make_unique<TensorSet>(s, run.rows.get(), mix(o.seed + 100 * i), tile.columns / tile.ctas, machine.encode));
  }
  // First in one launch, where GEMM1 reads what other blocks have just stored; then timed, then judged again.
  run.clear();
  run.launch(*sets[0], run.merged, true);
  run.finish("first launch");
  bool ok = accept("GEMM0, first", tile, run.judge(*sets[0], false));
  ok &= accept("GEMM1, first", tile, run.judge(*sets[0], true));
  const Timing t = measure(run, sets, o.iterations);
  const Verdict last0 = run.judge(*sets.back(), false);
  const Verdict last1 = run.judge(*sets.back(), true);
  ok &= accept("GEMM0, last", tile, last0) & accept("GEMM1, last", tile, last1);
  const Work w = workOf(s, rows);
  const double floor = std::max(w.flops / kTensorFlops, w.bytes / kMemoryBytes);
  const double seconds = t.merged * 1e-3;
  const double error = std::sqrt(std::max(last0.squaredError / last0.squaredReference, last1.squaredError / last1.squaredReference));
  std::printf("%5u %5u %5u %4u %2u  %-10s %6zu  %5.1f%%  %8.4f %8.4f %8.4f  %7.1f  %5.1f%%  %6.2f  %5.1f%%  %.1e  %s\n", m.tokens,
              m.hidden, m.intermediate, m.experts, m.topK, tile.name, static_cast<size_t>(run.merged.order.count()),
              100 * w.flops / w.computed, t.gemm0, t.gemm1, t.merged, w.flops / seconds * 1e-12,
              100 * w.flops / seconds / kTensorFlops, w.bytes / seconds * 1e-12, 100 * floor / seconds, error, ok ? "ok" : "WRONG");
  std::fflush(stdout);
  if (json != nullptr) {
    std::fprintf(json, "{\"tokens\":%u,\"hidden\":%u,\"intermediate\":%u,\"experts\":%u,\"topK\":%u,\"tile\":\"%s\","
                 "\"activation\":%u,\"claim\":\"%s\",\"raster\":\"%s\",\"lag\":%u,\"iterations\":%u,\"seed\":%llu,\"gemm0Ms\":%.6f,"
                 "\"gemm1Ms\":%.6f,\"mergedMs\":%.6f,\"flops\":%.0f,\"bytes\":%.0f,\"relativeError\":%.3e,\"correct\":%s}\n",
                 m.tokens, m.hidden, m.intermediate, m.experts, m.topK, tile.name, o.activation, o.dynamic ? "dynamic" : "static",
                 o.raster == Raster::ColumnFirst ? "column" : "row", o.lag, o.iterations,
                 static_cast<unsigned long long>(o.seed), t.gemm0, t.gemm1, t.merged, w.flops, w.bytes, error,
                 ok ? "true" : "false");
    std::fflush(json);
  }
  return ok;
}

/// Correctness on small odd problems: every width of the tile, cells of none, one and several row blocks, matrices whose last
/// column tile is half one, depths shorter and longer than the ring, many tasks a block and one.
bool sweepTile(const Machine& machine, Options o, const TileVariant& tile) {
  bool ok = true;
  uint32_t cases = 0;
  const uint32_t sizes[][2] = {{64, 64}, {128, 192}, {320, 448}, {1024, 576}};
  for (const auto& size : sizes) {
    for (uint32_t variantOf = 0; variantOf < 4; ++variantOf) {
      std::vector<uint32_t> rows;
      for (uint32_t g = 1; g <= tile.tokens / 8; ++g) rows.push_back(8 * g - static_cast<uint32_t>(mix(g + variantOf) % 8));
      rows.insert(rows.end(), {0, 1, tile.tokens + 1, 3 * tile.tokens - 5, 0, 2 * tile.tokens});
      const uint32_t experts = static_cast<uint32_t>(rows.size());
      const Shape s = worldShape({4096, size[0], size[1], experts, 2}, rows, tile.tokens, tile.columns);
      o.activation = variantOf;
      o.dynamic = variantOf % 2 == 0;
      o.raster = variantOf < 2 ? Raster::ColumnFirst : Raster::RowBlockFirst;
      o.lag = variantOf * 3;
      const uint32_t blocks = variantOf == 0 ? machine.blocks : variantOf == 1 ? 3 * tile.ctas : variantOf == 2 ? tile.ctas : 17 * tile.ctas;
      Run run(machine, tile, o, s, rows, blocks);
      const TensorSet set(s, run.rows.get(), mix(o.seed + variantOf), tile.columns / tile.ctas, machine.encode);
      run.clear();
      run.launch(set, run.merged, true);
      run.finish("sweep launch");
      const std::string what = "H " + std::to_string(size[0]) + " I " + std::to_string(size[1]) + " activation " +
                               std::to_string(variantOf) + " blocks " + std::to_string(blocks);
      ok &= accept((what + " GEMM0").c_str(), tile, run.judge(set, false));
      ok &= accept((what + " GEMM1").c_str(), tile, run.judge(set, true));
      ++cases;
    }
  }
  std::printf("%-10s %u problems: %s\n", tile.name, cases, ok ? "ok" : "WRONG");
  std::fflush(stdout);
  return ok;
}

constexpr Arguments kArguments = {"kernel/bench/gemm_tile.cu"};

Options parseOptions(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--sweep") { o.sweep = true; continue; }
    if (name == "--list") {
      for (const TileVariant& t : variants()) std::printf("%s: %u bytes of shared memory\n", t.name, t.shared);
      std::exit(0);
    }
    if (i + 1 == argc) kArguments.refuse(name + ": unknown, or its value is missing");
    const std::string value = argv[++i];
    if (name == "--shape") o.shapes.push_back(kArguments.shape(value));
    else if (name == "--tile") o.tiles.push_back(value);
    else if (name == "--iterations") o.iterations = kArguments.number(name, value, 1, 100000);
    else if (name == "--sets") o.sets = kArguments.number(name, value, 1, 16);
    else if (name == "--lag") o.lag = kArguments.number(name, value, 0, 4096);
    else if (name == "--activation") o.activation = kArguments.number(name, value, 0, 3);
    else if (name == "--seed") o.seed = kArguments.number(name, value, 0, 0x7fffffff);
    else if (name == "--json") o.json = value;
    else if (name == "--claim" && (value == "static" || value == "dynamic")) o.dynamic = value == "dynamic";
    else if (name == "--raster" && value == "row") o.raster = Raster::RowBlockFirst;
    else if (name == "--raster" && value == "column") o.raster = Raster::ColumnFirst;
    else kArguments.refuse(name + " " + value + ": unknown");
  }
  for (const std::string& t : o.tiles) {
    if (std::none_of(variants().begin(), variants().end(), [&](const TileVariant& v) { return t == v.name; })) {
      kArguments.refuse("--tile " + t + ": unknown; --list prints the names");
    }
  }
  if (o.shapes.empty()) {
    o.shapes = {{8192, 2048, 2048, 64, 2}, {4096, 2048, 2048, 64, 2}, {1024, 2048, 2048, 64, 2},
                {128, 2048, 2048, 64, 2},  {4096, 7168, 2048, 32, 8}, {16384, 2048, 2048, 8, 2}};
  }
  return o;
}

Machine openMachine() {
  cudaDeviceProp properties;
  KT_CUDA(cudaGetDeviceProperties(&properties, 0));
  if (properties.major != 9) die(__FILE__, __LINE__, "device", "compute capability 9.0 is needed");
  Machine m;
  m.blocks = static_cast<uint32_t>(properties.multiProcessorCount);
  cudaError_t status = cudaSuccess;
  m.encode = findTensorMapEncoder(status);
  if (m.encode == nullptr) die(__FILE__, __LINE__, "cuTensorMapEncodeTiled", cudaGetErrorString(status));
  KT_CUDA(cudaHostAlloc(reinterpret_cast<void**>(&m.diagnosis), sizeof(Diagnosis), cudaHostAllocMapped));
  *m.diagnosis = {};
  std::printf("%s, %u SMs, L2 %d MB, shared memory %zu bytes a block\n", properties.name, m.blocks,
              properties.l2CacheSize >> 20, properties.sharedMemPerBlockOptin);
  return m;
}

int runAll(const Options& o) {
  const Machine machine = openMachine();
  std::FILE* json = o.json.empty() ? nullptr : std::fopen(o.json.c_str(), "w");
  if (!o.json.empty() && json == nullptr) kArguments.refuse("--json " + o.json + ": cannot be written");
  bool ok = true;
  if (!o.sweep) {
    std::printf("    S     H     I    E  k  tile        tasks  useful   GEMM0 ms GEMM1 ms   one ms  TFLOP/s  of 780    TB/s  "
                "roofline  error\n");
  }
  for (const ModelShape& m : o.sweep ? std::vector<ModelShape>{{}} : o.shapes) {
    for (const TileVariant& tile : variants()) {
      if (!o.tiles.empty() && std::find(o.tiles.begin(), o.tiles.end(), tile.name) == o.tiles.end()) continue;
      ok &= o.sweep ? sweepTile(machine, o, tile) : benchShape(machine, o, m, tile, json);
    }
  }
  if (json != nullptr) std::fclose(json);
  KT_CUDA(cudaFreeHost(machine.diagnosis));
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace kerneltwin::bench

int main(int argc, char** argv) { return kerneltwin::bench::runAll(kerneltwin::bench::parseOptions(argc, argv)); }
