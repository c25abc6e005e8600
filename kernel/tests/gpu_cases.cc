// The fused kernel against fp64 on a real GPU: every case for every number of ranks asked for.
//
//   gpu_cases [--ranks 1,2,4,8] [--gemm mma|wgmma|both] [--full] [--match TEXT] [--seconds N] [--spread]
//
// Every case runs with both GEMM paths, but for the put transport, which mma alone has, and tiles that wgmma alone has.
// More than one rank on one GPU needs MPS in the environment (kernel/tests/with-mps.sh), or every signal waits for a time
// slice of milliseconds. --spread gives each rank a GPU of its own (device = rank % devices); cases of pairs of blocks run only
// so, or with one rank.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "case.h"
#include "ranks.h"

namespace kerneltwin::tests {
namespace {

struct Options {
  std::vector<uint32_t> ranks = {1};
  bool full = false;
  bool spread = false;
  bool mma = true;
  bool wgmma = true;
  std::string match;
  uint32_t seconds = 240;
};

Options parse(int count, char** words) {
  Options o;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&]() -> std::string {
      if (i + 1 < count) return words[++i];
      std::fprintf(stderr, "gpu_cases: %s needs a value\n", word.c_str());
      std::exit(2);
    };
    if (word == "--full") o.full = true;
    else if (word == "--spread") o.spread = true;
    else if (word == "--match") o.match = value();
    else if (word == "--gemm") {
      const std::string gemm = value();
      if (gemm != "mma" && gemm != "wgmma" && gemm != "both") {
        std::fprintf(stderr, "gpu_cases: --gemm: expected mma, wgmma or both, got %s\n", gemm.c_str());
        std::exit(2);
      }
      o.mma = gemm != "wgmma";
      o.wgmma = gemm != "mma";
    }
    else if (word == "--seconds") o.seconds = static_cast<uint32_t>(std::stoul(value()));
    else if (word == "--ranks") {
      o.ranks.clear();
      std::stringstream list(value());
      for (std::string item; std::getline(list, item, ',');) o.ranks.push_back(static_cast<uint32_t>(std::stoul(item)));
    } else {
      std::fprintf(stderr, "gpu_cases: unknown word %s; known: --ranks --gemm --full --match --seconds --spread\n",
                   word.c_str());
      std::exit(2);
    }
  }
  return o;
}

/// What the ranks of a group share with their parent.
struct Shared {
  std::atomic<uint32_t> idReady;
  uint8_t id[KT_UNIQUE_ID_BYTES];
  RankReport reports[];   // [case][rank]
};

struct Tally {
  uint32_t passed = 0;
  uint32_t failed = 0;
};

/// `alone`: without NVSHMEM, so that a fault there does not hide whether the kernel works.
bool joinGroup(Shared& shared, uint32_t rank, uint32_t ranks, uint64_t symmetric, bool spread, bool alone) {
  if (alone) {
    shared.idReady.store(1);
  } else if (rank == 0) {
    if (kt_unique_id(shared.id) != KT_OK) {
      std::fprintf(stderr, "kt_unique_id: %s\n", kt_last_error());
      return false;
    }
    shared.idReady.store(1);
  }
  while (shared.idReady.load() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kt_device_info device = {};
  device.struct_size = sizeof device;
  if (kt_device_query(0, &device) != KT_OK) {
    std::fprintf(stderr, "rank %u: kt_device_query: %s\n", rank, kt_last_error());
    return false;
  }
  if (rank == 0) {
    std::printf("rank 0 sees %s, %u SMs, room for %u blocks\n", device.name, device.sms, device.resident_blocks);
    std::fflush(stdout);
  }
  kt_join_options join = {};
  join.struct_size = sizeof join;
  join.device = spread ? rank % device.devices : 0;
  join.rank = rank;
  join.ranks = ranks;
  join.symmetric_bytes = symmetric;
  std::memcpy(join.unique_id, shared.id, sizeof join.unique_id);
  if (kt_join(&join) == KT_OK) return true;
  std::fprintf(stderr, "rank %u: kt_join: %s\n", rank, kt_last_error());
  return false;
}

void printCase(const Case& c, uint32_t ranks, const RankReport* reports, const std::string& groupFailure,
               Tally& tally) {
  bool passed = true;
  double error = 0.0;
  float ms = 0.0f;
  std::string why;
  for (uint32_t r = 0; r < ranks; ++r) {
    const RankReport& report = reports[r];
    error = std::max(error, report.error);
    ms = std::max(ms, report.lastMs);
    if (report.passed) continue;
    passed = false;
    if (!report.done) why += " rank " + std::to_string(r) + " never finished (" + groupFailure + ");";
    else why += " rank " + std::to_string(r) + ": " + report.message + ";";
  }
  ++(passed ? tally.passed : tally.failed);
  std::printf("%s ranks=%u  %-58s error %.2e  last %.3f ms %s\n", passed ? "PASS" : "FAIL", ranks, c.name.c_str(),
              error, ms, why.c_str());
  std::fflush(stdout);
}

bool selected(const Case& c, const Options& o, uint32_t ranks, bool alone) {
  if ((c.large && !o.full) || (c.onlyRanks != 0 && c.onlyRanks != ranks) || (c.peerMissing && ranks == 1)) return false;
  if (c.pairs && ranks > 1 && !o.spread) return false;  // clusters of ranks that share a GPU do not run at the same time
  if (ranks == 1 && alone != (c.transport == KT_TRANSPORT_DIRECT)) return false;
  return c.name.find(o.match) != std::string::npos;
}

/// All cases of the GEMM paths asked for.
std::vector<Case> casesOf(const Options& o) {
  std::vector<Case> cases;
  for (Case c : allCases()) {
    if (o.mma) cases.push_back(c);
    if (!o.wgmma || c.transport != KT_TRANSPORT_DIRECT) continue;
    c.gemm = KT_GEMM_WGMMA;
    c.name += ", wgmma";
    cases.push_back(c);
  }
  if (!o.wgmma) return cases;
  for (Case c : wgmmaCases()) {
    c.name += ", wgmma";
    cases.push_back(c);
  }
  return cases;
}

/// One set of processes runs all cases of a number of ranks, one world after the other.
void runGroup(const Options& o, uint32_t ranks, bool alone, Tally& tally) {
  std::vector<Case> cases;
  uint64_t symmetric = 0;
  for (const Case& c : casesOf(o)) {
    if (!selected(c, o, ranks, alone)) continue;
    cases.push_back(c);
    symmetric = std::max(symmetric, symmetricBytes(c, ranks));
  }
  if (cases.empty()) return;
  symmetric += 64ull << 20;
  auto* shared = static_cast<Shared*>(sharedMemory(sizeof(Shared) + cases.size() * ranks * sizeof(RankReport)));
  const GroupEnd end = runRanks(ranks, o.seconds, [&](uint32_t rank) {
    setenv("NVSHMEM_SYMMETRIC_SIZE", std::to_string(symmetric).c_str(), 1);
    if (!joinGroup(*shared, rank, ranks, symmetric, o.spread, alone)) return 3;
    for (size_t i = 0; i < cases.size(); ++i) runCase(cases[i], rank, ranks, shared->reports[i * ranks + rank]);
    return kt_leave() == KT_OK ? 0 : 4;
  });
  for (size_t i = 0; i < cases.size(); ++i) printCase(cases[i], ranks, &shared->reports[i * ranks], end.failure, tally);
  if (end.failure.empty()) return;
  ++tally.failed;
  std::printf("FAIL group of %u ranks: %s\n", ranks, end.failure.c_str());
}

}  // namespace
}  // namespace kerneltwin::tests

int main(int count, char** words) {
  using namespace kerneltwin::tests;
  const Options options = parse(count, words);
  Tally tally;
  for (uint32_t ranks : options.ranks) {
    if (ranks == 1) runGroup(options, ranks, true, tally);
    runGroup(options, ranks, false, tally);
  }
  std::printf("%u passed, %u failed\n", tally.passed, tally.failed);
  return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}
