// Which tokens a block gates and copies, and the choices of a few of them in shared memory.
#pragma once

#include "kerneltwin/actors/control.cuh"
#include "kerneltwin/actors/opening_memory.h"
#include "kerneltwin/ptx/cluster.cuh"

namespace kerneltwin {

/// A contiguous range of a rank's tokens.
struct TokenShare {
  uint32_t begin;
  uint32_t end;
};

/// The share that processor `p` of `processors` gates and dispatches.
/// Begins at tokens * p / processors, rounded down; without a product of more than 32 bits, whose division is a long subroutine.
KT_HD TokenShare tokenShare(uint32_t tokens, uint32_t processors, uint32_t p) {
  const uint32_t whole = tokens / processors;
  const uint32_t rest = tokens % processors;
  return {whole * p + rest * p / processors, whole * (p + 1) + rest * (p + 1) / processors};
}
static_assert(kMaxProcessors <= 0x8000);

KT_HD TokenShare commonTokens(TokenShare a, TokenShare b) {
  return {a.begin > b.begin ? a.begin : b.begin, lesser(a.end, b.end)};
}

/// Whether this block speaks for its processor: records, counts, numbers rows in global memory and arrives for it.
template <class Block>
KT_DEVICE bool leads() {
  if constexpr (Block::kCtas == 1) return true;
  else return ptx::clusterRank() == 0;
}

/// What this block gates and copies of its processor's share.
template <class Block>
KT_DEVICE TokenShare ownPart(TokenShare share) {
  if constexpr (Block::kCtas == 1) {
    return share;
  } else {
    const TokenShare part = tokenShare(share.end - share.begin, Block::kCtas, ptx::clusterRank());
    return {share.begin + part.begin, share.begin + part.end};
  }
}

/// Barrier of all threads of the processor; orders their memory accesses among each other.
template <class Block>
KT_DEVICE void syncProcessor() {
  if constexpr (Block::kCtas == 1) ptx::syncBlock();
  else ptx::clusterSync();
}

/// What gate and dispatch keep of a token. During the gate its best choices so far: values descend, equal values by ascending
/// expert. Then its choices and their rows.
struct TokenTop {
  union {
    float value[kMaxTopK];
    uint32_t row[kMaxTopK];
  };
  uint32_t expert[kMaxTopK];
  float maximum;
  float sum;   ///< of exp(logit - maximum)
};

/// Tokens a block keeps at a time: a tile of the gate. A share is rarely larger (16768 tokens over 131 processors); one that is
/// goes through the table window by window.
inline constexpr uint32_t kWindowTokens = kTileRows;
static_assert(kWindowTokens * sizeof(TokenTop) <= kGateBytes);

struct ShareWindow {
  TokenTop* tops;   ///< [kWindowTokens]
  uint32_t first;   ///< token of tops[0]
  uint32_t count;

  KT_DEVICE uint32_t end() const { return first + count; }
};

/// The table's memory: behind all else of the opening, untouched by the gate's tiles.
template <class Block>
KT_DEVICE TokenTop* tokenTops() {
  return reinterpret_cast<TokenTop*>(pipelineMemory() + OpeningMemory<Block>::kTileBytes);
}

template <class Block>
KT_DEVICE ShareWindow shareWindow(TokenShare share, uint32_t first) {
  return {tokenTops<Block>(), first, lesser(kWindowTokens, share.end - first)};
}

/// True if one window holds the share: then it stays in the table from the counting on.
KT_HD bool oneWindow(TokenShare share) { return share.end - share.begin <= kWindowTokens; }

/// Loads the choices of a window. All threads; the caller orders it among the table's other uses.
template <class Block>
KT_DEVICE void loadWindow(const LaunchArgs& args, const ShareWindow& window) {
  const uint32_t topK = args.shape.topK;
  const uint32_t* choices = args.tensors.choices + static_cast<uint64_t>(window.first) * topK;
  for (uint32_t i = ptx::thread(); i < window.count * topK; i += Block::kThreads) {
    window.tops[i / topK].expert[i % topK] = choices[i];
  }
}

}  // namespace kerneltwin
