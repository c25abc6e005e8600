// Stress test: the litmus shapes on a real GPU, many instances at once, threads of one seat in one block and of different
// seats in different blocks. Exit 0: no forbidden outcome was seen; 1: one was, or an instance hung; 2: no GPU.
//
//   litmus [--instances N] [--rounds N]
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kerneltwin/litmus/shapes.h"
#include "kerneltwin/ptx/memory.cuh"

namespace {

using namespace kerneltwin;

constexpr uint32_t kStride = 64;           ///< 64-bit words between instances: 512 bytes, four cache lines
constexpr uint32_t kSpinLimit = 1u << 24;  ///< polls after which an instance counts as hung

struct Counts {
  unsigned long long forbidden;
  unsigned long long hung;
};

struct StressMemory {
  Counts* counts;

  template <Order O, Scope S, class T>
  __device__ T load(const T* word) const { return ptx::load<O, S>(word); }
  template <Order O, Scope S, class T>
  __device__ void store(T* word, T value) const { ptx::store<O, S>(word, value); }
  template <Order O, Scope S, class T>
  __device__ T add(T* word, T value) const { return ptx::add<O, S>(word, value); }
  template <Order O, Scope S, class T>
  __device__ T fetchOr(T* word, T bits) const { return ptx::fetchOr<O, S>(word, bits); }
  template <Order O, Scope S>
  __device__ void fence() const { ptx::fence<O, S>(); }

  // Plain accesses, which the compiler may not merge or drop.
  __device__ void put(uint32_t* word, uint32_t value) const { asm volatile("st.weak.u32 [%0], %1;" ::"l"(word), "r"(value) : "memory"); }
  __device__ uint32_t get(const uint32_t* word) const {
    uint32_t value;
    asm volatile("ld.weak.u32 %0, [%1];" : "=r"(value) : "l"(word) : "memory");
    return value;
  }

  template <class Poll>
  __device__ bool spin(Poll poll) const {
    for (uint32_t polls = 0; polls < kSpinLimit; ++polls) {
      if (poll()) return true;
    }
    atomicAdd(&counts->hung, 1ull);
    return false;
  }
};

/// Which threads of a shape sit in one block.
struct SeatPlan {
  uint32_t blocks;                                                  ///< blocks an instance needs
  uint32_t warps;                                                   ///< most threads of one block
  uint32_t thread[litmus::kMaxThreads][litmus::kMaxThreads];        ///< [block][warp]
  uint32_t threads[litmus::kMaxThreads];                            ///< [block]
};

SeatPlan planOf(const litmus::ShapeInfo& info) {
  SeatPlan plan{};
  litmus::Seat taken[litmus::kMaxThreads];
  for (uint32_t t = 0; t < info.threads; ++t) {
    uint32_t b = 0;
    while (b < plan.blocks && (taken[b].rank != info.seats[t].rank || taken[b].block != info.seats[t].block)) ++b;
    if (b == plan.blocks) taken[plan.blocks++] = info.seats[t];
    plan.thread[b][plan.threads[b]++] = t;
    if (plan.threads[b] > plan.warps) plan.warps = plan.threads[b];
  }
  return plan;
}

/// Group g of blocks runs instances g, g + groups, ...; every instance has its own words, so instances need no barrier.
__global__ void stress(litmus::Shape shape, SeatPlan plan, uint64_t* wide, uint32_t* narrow, uint32_t* plain, uint32_t instances,
                       uint32_t seed, Counts* counts) {
  const uint32_t group = blockIdx.x / plan.blocks;
  const uint32_t groups = gridDim.x / plan.blocks;
  const uint32_t block = blockIdx.x % plan.blocks;
  const uint32_t warp = threadIdx.x / 32;
  if (threadIdx.x % 32 != 0 || warp >= plan.threads[block]) return;
  const uint32_t thread = plan.thread[block][warp];
  StressMemory mem{counts};
  uint32_t random = seed * 2654435761u + group * 40503u + thread * 97u + 1;
  for (uint32_t i = group; i < instances; i += groups) {
    random = random * 1664525u + 1013904223u;
    for (uint32_t wait = random >> 25; wait > 0; --wait) __nanosleep(8);
    // Payload lies far from the words that order it, in lines that neighbouring instances share.
    const litmus::Words words{wide + static_cast<size_t>(i) * kStride, narrow + static_cast<size_t>(i) * kStride,
                              plain + static_cast<size_t>(i) * litmus::kPlain};
    if (litmus::run(mem, shape, words, thread)) atomicAdd(&counts->forbidden, 1ull);
  }
}

bool failed(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return false;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  return true;
}

struct Buffers {
  uint64_t* wide = nullptr;
  uint32_t* narrow = nullptr;
  uint32_t* plain = nullptr;
  Counts* counts = nullptr;
  uint32_t instances = 0;

  bool allocate(uint32_t n) {
    instances = n;
    return !failed(cudaMalloc(&wide, n * kStride * sizeof(uint64_t)), "cudaMalloc") &&
           !failed(cudaMalloc(&narrow, n * kStride * sizeof(uint32_t)), "cudaMalloc") &&
           !failed(cudaMalloc(&plain, n * litmus::kPlain * sizeof(uint32_t)), "cudaMalloc") &&
           !failed(cudaMallocManaged(&counts, sizeof(Counts)), "cudaMallocManaged");
  }
  bool clear() {
    *counts = {};
    return !failed(cudaMemset(wide, 0, instances * kStride * sizeof(uint64_t)), "cudaMemset") &&
           !failed(cudaMemset(narrow, 0, instances * kStride * sizeof(uint32_t)), "cudaMemset") &&
           !failed(cudaMemset(plain, 0, instances * litmus::kPlain * sizeof(uint32_t)), "cudaMemset");
  }
};

/// False: CUDA failed.
bool runShape(uint32_t index, Buffers& buffers, uint32_t rounds, int sms, bool& clean) {
  const litmus::ShapeInfo& info = litmus::kShapeInfo[index];
  const SeatPlan plan = planOf(info);
  const uint32_t groups = static_cast<uint32_t>(sms) / plan.blocks;  // one block an SM: all co-resident
  unsigned long long forbidden = 0, hung = 0;
  for (uint32_t round = 0; round < rounds; ++round) {
    if (!buffers.clear()) return false;
    stress<<<groups * plan.blocks, plan.warps * 32>>>(static_cast<litmus::Shape>(index), plan, buffers.wide, buffers.narrow,
                                                      buffers.plain, buffers.instances, round + 1, buffers.counts);
    if (failed(cudaDeviceSynchronize(), info.name)) return false;
    forbidden += buffers.counts->forbidden;
    hung += buffers.counts->hung;
  }
  std::printf("%-14s %12llu instances, forbidden %llu, hung %llu\n", info.name,
              static_cast<unsigned long long>(buffers.instances) * rounds, forbidden, hung);
  clean = clean && forbidden == 0 && hung == 0;
  return true;
}

uint32_t option(int argc, char** argv, const char* name, uint32_t otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return static_cast<uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
  }
  return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  cudaDeviceProp device{};
  if (failed(cudaGetDeviceCount(&devices), "no GPU") || devices == 0 || failed(cudaGetDeviceProperties(&device, 0), "device 0")) return 2;
  Buffers buffers;
  if (!buffers.allocate(option(argc, argv, "--instances", 1u << 18))) return 2;
  bool clean = true;
  for (uint32_t shape = 0; shape < litmus::kShapes; ++shape) {
    if (!runShape(shape, buffers, option(argc, argv, "--rounds", 10), device.multiProcessorCount, clean)) return 2;
  }
  return clean ? 0 : 1;
}
