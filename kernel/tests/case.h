// One case of the GPU test: a world, its inputs, its launches, and what must come out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kerneltwin/api.h"

namespace kerneltwin::tests {

enum class Routing {
  Gate,     ///< choices are the router's
  Hot,      ///< every token chooses expert 0 and the experts after it
  Spread,   ///< token t chooses t, t + 1, ... modulo experts
};

struct Case {
  std::string name;
  uint32_t tokens = 200;           ///< of each rank, unless `tokensOf` says otherwise
  std::vector<uint32_t> tokensOf;  ///< per rank, repeated when shorter; empty: all `tokens`
  uint32_t hidden = 256;
  uint32_t intermediate = 256;
  uint32_t expertsPerRank = 4;
  bool unequal = false;            ///< rank r holds 1 + r % 3 experts fewer or more
  uint32_t topK = 2;
  uint32_t tileRows = 128;
  uint32_t tileCols = 128;
  double capacityFactor = 0.0;     ///< 0: dropless
  Routing routing = Routing::Gate;
  uint32_t transport = KT_TRANSPORT_DIRECT;
  uint32_t readiness = KT_READY_EAGER;
  uint32_t policy = KT_POLICY_INTERLEAVE;
  uint32_t gemm = KT_GEMM_MMA;
  uint32_t activation = KT_ACTIVATION_SILU;
  uint32_t dtype = KT_DTYPE_BF16;
  bool renormalise = true;
  bool bias = true;
  uint32_t blocks = 0;
  uint32_t traceRecords = 1 << 14;
  uint32_t launches = 3;
  uint32_t repeats = 1;            ///< launches more on the last one's inputs: each must give the same bits
  uint32_t skewMs = 0;             ///< rank r starts r * skewMs later
  uint32_t checkStride = 1;
  uint32_t onlyRanks = 0;          ///< 0: any number of ranks
  bool expectDrops = false;
  bool pairs = false;              ///< a processor is two blocks: needs a GPU a rank
  bool peerMissing = false;        ///< the last rank does not launch: the others must abort by deadline
  bool large = false;              ///< run only with --full
};

/// Cases that both GEMM paths must pass, with KT_GEMM_MMA.
std::vector<Case> allCases();

/// Cases of tiles that only wgmma has.
std::vector<Case> wgmmaCases();

/// What one rank reports of one case; lies in memory shared with the parent.
struct RankReport {
  int32_t done;       ///< 0: never got here
  int32_t passed;
  float firstMs;
  float lastMs;
  double error;
  uint64_t dropped;
  uint64_t records;
  char message[768];
};

/// Symmetric bytes the case needs on each rank.
uint64_t symmetricBytes(const Case& c, uint32_t ranks);

/// Runs the case on this rank, which has joined. Collective.
void runCase(const Case& c, uint32_t rank, uint32_t ranks, RankReport& report);

}  // namespace kerneltwin::tests
