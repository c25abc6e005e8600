// One world of this rank: its buffers, its options and its epoch.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel_facts.h"
#include "kerneltwin/gemm/wgmma_task.h"
#include "memory.h"
#include "options.h"
#include "session.h"

namespace kerneltwin {

/// Symmetric memory that frees itself. Collective, like everything that makes or ends a world.
class SymmetricArray {
 public:
  SymmetricArray(Session& session, uint64_t bytes) : session_(session), memory_(session.allocate(bytes)), bytes_(bytes) {}
  SymmetricArray(const SymmetricArray&) = delete;
  SymmetricArray& operator=(const SymmetricArray&) = delete;
  ~SymmetricArray() { session_.release(memory_); }

  void* get() const { return memory_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Session& session_;
  void* memory_;
  uint64_t bytes_;
};

/// How an input tensor was last filled; nullopt after an upload.
struct FillRecord {
  uint64_t seed;
  float amplitude;
};

struct TensorView {
  void* data;
  uint64_t bytes;
  uint64_t elementBytes;
  const char* name;
};

/// What the host remembers of the last launch.
struct LastLaunch {
  uint32_t tokens;
  uint32_t keep;
  uint32_t epoch;
  AbortWords abort;
};

class World {
 public:
  World(Session& session, WorldOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  TensorView tensor(uint32_t which) const;
  void upload(uint32_t which, uint64_t offset, const void* from, uint64_t bytes);
  void download(uint32_t which, uint64_t offset, void* to, uint64_t bytes) const;
  void fill(uint32_t which, uint64_t seed, double amplitude);

  /// Throws KT_ABORTED after filling `result` when the launch ended itself.
  void launch(const kt_launch_options& options, kt_launch_result& result);
  /// From any thread while a launch runs.
  void abort();
  std::string dump() const;
  uint32_t readTrace(uint32_t ring, void* header, void* records, uint32_t capacity) const;
  void query(kt_world_info& out) const;

  const WorldOptions& options() const { return options_; }
  uint32_t rank() const { return session_.rank(); }
  uint32_t localExperts() const { return options_.localExperts(rank()); }
  cudaStream_t stream() const { return stream_.get(); }
  const std::optional<LastLaunch>& last() const { return last_; }
  const std::optional<FillRecord>& filled(uint32_t which) const { return filled_[which]; }

 private:
  void allocateWork();
  void mapPeers();
  void mapTiles();
  void poison(uint32_t flags);
  LaunchArgs arguments(uint32_t tokens, uint32_t keep);
  void run(LaunchArgs& args, uint32_t flags, kt_launch_result& result);
  void waitForEnd(uint64_t deadlineNs);
  uint32_t rings() const { return options_.traceRecords == 0 ? 0 : processors_ + 1 + subscribers(); }
  uint32_t subscribers() const { return facts_.variant.subscribers; }

  Session& session_;
  WorldOptions options_;
  KernelFacts facts_;
  TileMaps maps_ = {};   ///< zero where the variant takes none
  GateMaps gateMaps_ = {};
  uint32_t blocks_;
  uint32_t processors_;
  uint32_t epoch_ = 0;
  bool broken_ = false;
  std::optional<LastLaunch> last_;
  std::array<std::optional<FillRecord>, 10> filled_;

  Stream stream_;
  Stream controlStream_;
  Event begin_;
  Event end_;

  DeviceArray<bf16> x_, wg_, w1_, w2_, out_;
  DeviceArray<float> b1_, b2_, scales_;
  DeviceArray<uint32_t> choices_, rows_;

  std::unique_ptr<SymmetricArray> heap_;
  std::unique_ptr<SymmetricArray> flags_;
  DeviceArray<bf16*> peerHeaps_;
  DeviceArray<uint64_t*> peerFlags_;
  DeviceArray<uint32_t> placement_;

  DeviceArray<bf16> intermediate_;
  DeviceArray<uint32_t> counts_, ownRows_, entryOfRow_, cellArrivals_, rowBlockArrivals_, tokenArrivals_;
  DeviceArray<uint64_t> barrier_, doorbells_, processorRing_, subscriberRings_;
  DeviceArray<uint32_t> status_, processorTail_, tickets_, heads_;
  DeviceArray<WatchChunk> watch_;
  DeviceArray<OsReport> osReport_;
  DeviceArray<AbortWords> abort_;
  DeviceArray<TraceRingHeader> ringHeaders_;
  DeviceArray<TraceRecord> ringRecords_;
};

}  // namespace kerneltwin
