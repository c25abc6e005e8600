// A processor block on wgmma: gate, barrier and dispatch on all its threads, then the roles of the pipeline until the
// scheduler interrupts. COMBINE tasks run on the aides, or on consumers without a tile. Direct transport only: a put is a whole block's work.
#pragma once

#include "kerneltwin/actors/combine.cuh"
#include "kerneltwin/actors/opening.cuh"
#include "kerneltwin/actors/transport_direct.cuh"
#include "kerneltwin/gemm/logits_boxes.cuh"
#include "kerneltwin/gemm/wgmma_pipeline.cuh"
#include "kerneltwin/gemm/wgmma_source.cuh"

namespace kerneltwin {

static_assert(WgmmaBlock::kThreads == kPipelineThreads);

/// Dynamic shared memory of a block: the control page, then the pipeline, which begins at a multiple of the swizzle's grain
/// because the dynamic shared memory does.
template <class Config>
inline constexpr uint32_t kWgmmaSharedBytes = kControlBytes + kPipelineShared<Config>;
static_assert(kControlBytes % kSwizzleBytes == 0);

/// How much later than the launch's deadline a wait between roles counts as a defect. Until then the clerk, which looks at the
/// abort word, ends them all.
inline constexpr uint64_t kRoleGraceNs = 1'000'000'000;

struct RoleGuard {
  KT_DEVICE void late(Wait, uint32_t) const {
    if (ptx::globalTimer() > control().spins[0].deadline + kRoleGraceNs) ptx::fault();
  }
};

/// The aides of one block; those of a pair share a task. Named barriers 1 and 2 are those of the consumers' epilogues.
template <class Config>
struct AideTeam {
  using Element = typename Config::Element;
  static constexpr uint32_t kThreads = kAideThreads;
  static constexpr uint32_t kParts = Config::kCtas;
  KT_DEVICE static uint32_t part() { return ptx::clusterRank(); }
  KT_DEVICE static uint32_t thread() { return ptx::thread() - (kWarpgroupThreads - kAideThreads); }
  KT_DEVICE static void sync() { ptx::syncThreads(3, kAideThreads); }
};

/// The consumers of one block between two tiles; those of a pair share a task.
template <class Config>
struct ConsumerTeam {
  using Element = typename Config::Element;
  static constexpr uint32_t kParts = Config::kCtas;
  KT_DEVICE static uint32_t part() { return ptx::clusterRank(); }
  static constexpr uint32_t kThreads = kConsumerThreads;
  static constexpr uint32_t kLoads = 8;  ///< in flight a thread: they have the registers of a tile
  KT_DEVICE static uint32_t thread() { return ptx::thread() - kWarpgroupThreads; }
  KT_DEVICE static void sync() { ptx::syncThreads(5, kConsumerThreads); }
};

/// COMBINE as the pipeline's other task.
template <class Config>
struct CombineTasks {
  static_assert(sizeof(CombineShared<AideTeam<Config>>) <= kAideBytes);
  static_assert(sizeof(CombineShared<ConsumerTeam<Config>>) <= kConsumerGroups * Config::kPassBytes);

  KT_DEVICE uint32_t activation() const { return static_cast<uint32_t>(control().args.activation); }
  KT_DEVICE void onAides(const TileTask& task, char* shared) const { run<AideTeam<Config>>(task, shared); }
  KT_DEVICE void onConsumers(const TileTask& task, char* shared) const { run<ConsumerTeam<Config>>(task, shared); }

 private:
  /// Begins at the control page, not at what the caller has: nothing of COMBINE is then kept in registers over a tile.
  template <class Team>
  KT_DEVICE void run(const TileTask& task, char* shared) const {
    const LaunchArgs& args = control().args;
    DeviceMemory mem = {args.work.abort, &control().spins[0]};
    combineTask<Team>(args, mem, decodeTask(args.shape, task.index), task.rows, shared);
  }
};

/// The mailbox of this block. The clerk's last act is the end of the block's ring: after the roles have parted there is no
/// common code, whose registers the feeding warps might no longer have.
struct BlockSource : DoorbellSource<DeviceMemory, RingTrace, DirectTransport> {
  using DoorbellSource::DoorbellSource;

  KT_DEVICE void close() {
    DoorbellSource::close();
    closeProcessorRing(transport.args, st.processor.index);
  }
};

/// The launch of one block of a processor.
template <class Config>
KT_DEVICE void runWgmmaBlock(const LaunchArgs& args, const TileMaps& maps, const GateMaps& gate, uint32_t processors,
                             uint32_t processor) {
  using Block = WgmmaBlockOf<typename Config::Element, Config::kCtas>;
  static_assert(OpeningMemory<Block>::kBytes <= kPipelineShared<Config>, "gate and dispatch have the pipeline's memory");
  SpinState& self = control().spins[0];
  DirectTransport transport(args);
  RingTrace trace = {args.trace, &control().rings[0]};
  DeviceMemory mem = {args.work.abort, &self};
  SourceState& st = control().source;
  if (!openProcessor<Block>(args, mem, transport, trace, self, processors, processor, st.processor,
                            LogitBoxes<Block>(gate))) {
    if (leads<Block>() && ptx::thread() == 0) closeProcessorRing(args, processor);
    return;
  }
  if (ptx::thread() == 0) {
    st.places = {args.work.intermediate, args.tensors.b1, args.tensors.b2, static_cast<uint32_t>(args.activation)};
    st.placement = {args.placement, args.shape.ranks};
    st.rank = args.rank;
    st.epoch = args.epoch;
  }
  runPipeline<Config>(pipelineMemory(), maps, RoleGuard{}, [&] { return BlockSource(mem, trace, transport, st); },
                      CombineTasks<Config>{});
}

}  // namespace kerneltwin
