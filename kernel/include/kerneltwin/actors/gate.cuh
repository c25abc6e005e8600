// The gate: router logits of this block's tokens on tensor cores in fp32, softmax over all experts, top-k.
//
// Logits of up to 128 tokens x 128 experts are one GEMM tile. A running maximum, a running sum and a running top-k per
// token carry over from one tile of experts to the next, so any number of experts takes the same memory.
//
// All of this runs once a launch, on an instruction cache that holds none of it: loops stay loops where no register array
// demands otherwise.
//
// `Feed` brings the tile's operands and multiplies them: LogitCopies (logits_mma.cuh) or LogitBoxes (logits_boxes.cuh).
#pragma once

#include <cfloat>
#include <cmath>

#include "kerneltwin/actors/opening_steps.cuh"
#include "kerneltwin/actors/place.cuh"
#include "kerneltwin/gemm/logits_mma.cuh"
#include "kerneltwin/ptx/bulk.cuh"
#include "kerneltwin/ptx/memory.cuh"
#include "kerneltwin/ptx/vector.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin {

/// A logit as the choice sees it: NaN becomes the lowest finite value, so that every comparison is a total order.
KT_DEVICE float finiteLogit(float x) { return fminf(fmaxf(x, -FLT_MAX), FLT_MAX); }

/// A choice in the running: no choice is (-inf, 0xffffffff) and loses to every expert.
struct Candidate {
  float value;
  uint32_t expert;
};

KT_DEVICE bool beats(const Candidate& a, const Candidate& b) {
  return a.value > b.value || (a.value == b.value && a.expert < b.expert);
}

/// Lanes that share a token: four tokens a warp, so that their chains of exchanges overlap.
inline constexpr uint32_t kTokenLanes = 8;
inline constexpr uint32_t kWarpTokens = kLanes / kTokenLanes;
static_assert(kMaxTopK <= kTokenLanes);

/// `take(token, lane, write)` for every token of a tile, by lane `lane` of kTokenLanes; all 32 lanes of a warp call it together.
/// Those beyond the last token repeat it and must not write.
template <class Block, class Take>
KT_DEVICE void eachToken(uint32_t count, Take take) {
  const uint32_t lane = ptx::lane();
#pragma unroll 1
  for (uint32_t base = ptx::warp() * kWarpTokens; base < count; base += Block::kWarps * kWarpTokens) {
    const uint32_t token = base + lane / kTokenLanes;
    take(lesser(token, count - 1), lane % kTokenLanes, token < count);
  }
}

template <class T, class F>
KT_DEVICE T reduceToken(T value, F combine) {
#pragma unroll
  for (uint32_t mask = kTokenLanes / 2; mask > 0; mask /= 2) value = combine(value, ptx::shuffleXor(value, mask));
  return value;
}

KT_DEVICE float tokenMaximum(float x) { return reduceToken(x, [](float a, float b) { return fmaxf(a, b); }); }
KT_DEVICE float tokenSum(float x) { return reduceToken(x, [](float a, float b) { return a + b; }); }

KT_DEVICE Candidate tokenBest(Candidate best) {
#pragma unroll
  for (uint32_t mask = kTokenLanes / 2; mask > 0; mask /= 2) {
    const Candidate other = {ptx::shuffleXor(best.value, mask), ptx::shuffleXor(best.expert, mask)};
    if (beats(other, best)) best = other;
  }
  return best;
}

/// Logits of a lane: four neighbouring columns of every 32.
inline constexpr uint32_t kColumnGroups = kTileCols / (4 * kTokenLanes);
using LaneLogits = float[kColumnGroups][4];

/// Columns of group `i` that a tile of `columns` has not; the same in all lanes.
KT_DEVICE bool noColumns(uint32_t i, uint32_t columns) { return i * 4 * kTokenLanes >= columns; }

/// Adds the parts of a token's logits, in their order. Columns that are none become -inf.
KT_DEVICE void loadLogits(const LogitSums& sums, uint32_t token, uint32_t lane, uint32_t columns, LaneLogits& mine) {
#pragma unroll
  for (uint32_t i = 0; i < kColumnGroups; ++i) {
#pragma unroll
    for (uint32_t w = 0; w < 4; ++w) mine[i][w] = 0.0f;
  }
  uint32_t at = sums.at(token, lane * 4);
#pragma unroll 1
  for (uint32_t p = 0; p < sums.parts; ++p, at += sums.partWords * 4) {
#pragma unroll
    for (uint32_t i = 0; i < kColumnGroups; ++i) {
      ptx::Chunk c = {};
      if (!noColumns(i, columns)) c = ptx::loadChunkShared(at + i * 4 * kTokenLanes * 4);
#pragma unroll
      for (uint32_t w = 0; w < 4; ++w) mine[i][w] += bitsToFloat(c.word[w]);
    }
  }
#pragma unroll
  for (uint32_t i = 0; i < kColumnGroups; ++i) {
#pragma unroll
    for (uint32_t w = 0; w < 4; ++w) {
      mine[i][w] = (i * kTokenLanes + lane) * 4 + w < columns ? finiteLogit(mine[i][w]) : -INFINITY;
    }
  }
}

/// One logit of a token.
KT_DEVICE float loadLogit(const LogitSums& sums, uint32_t token, uint32_t column) {
  float sum = 0.0f;
#pragma unroll 1
  for (uint32_t p = 0; p < sums.parts; ++p) sum += ptx::loadShared(sums.at(token, column) + p * sums.partWords * 4);
  return finiteLogit(sum);
}

/// Keeps the best `topK` of this tile's logits and the token's choices so far; lane j has the j-th. A lane's columns ascend, and
/// what is carried comes from lower experts: the first of equal values is that of the lowest expert.
KT_DEVICE Candidate mergeTop(LaneLogits& mine, Candidate carried, uint32_t lane, uint32_t firstExpert, uint32_t columns,
                             uint32_t topK) {
  Candidate kept = {-INFINITY, 0xffffffffu};
  const uint32_t own = firstExpert + lane * 4;
#pragma unroll 1
  for (uint32_t j = 0; j < topK; ++j) {
    Candidate best = carried;
#pragma unroll
    for (uint32_t i = 0; i < kColumnGroups; ++i) {
      if (noColumns(i, columns)) break;
#pragma unroll
      for (uint32_t w = 0; w < 4; ++w) {
        if (mine[i][w] > best.value) best = {mine[i][w], own + i * 4 * kTokenLanes + w};
      }
    }
    best = tokenBest(best);
    if (carried.expert == best.expert) carried = {-INFINITY, 0xffffffffu};
#pragma unroll
    for (uint32_t i = 0; i < kColumnGroups; ++i) {
      if (noColumns(i, columns)) break;
#pragma unroll
      for (uint32_t w = 0; w < 4; ++w) {
        if (best.expert - own == i * 4 * kTokenLanes + w) mine[i][w] = -INFINITY;
      }
    }
    if (lane == j) kept = best;
  }
  return kept;
}

/// Maximum of a token's logits and the sum of exp(logit - maximum), over the tiles so far.
struct TokenSoftmax {
  float maximum;
  float sum;
};

KT_DEVICE TokenSoftmax mergeSoftmax(const LaneLogits& mine, uint32_t columns, TokenSoftmax before) {
  float maximum = before.maximum;
#pragma unroll
  for (uint32_t i = 0; i < kColumnGroups; ++i) {
    if (noColumns(i, columns)) break;
#pragma unroll
    for (uint32_t w = 0; w < 4; ++w) maximum = fmaxf(maximum, mine[i][w]);
  }
  maximum = tokenMaximum(maximum);
  float sum = 0.0f;
#pragma unroll
  for (uint32_t i = 0; i < kColumnGroups; ++i) {
    if (noColumns(i, columns)) break;
#pragma unroll
    for (uint32_t w = 0; w < 4; ++w) sum += expf(mine[i][w] - maximum);
  }
  return {maximum, tokenSum(sum) + before.sum * expf(before.maximum - maximum)};
}

/// Turns a token's best logits into choices and scales: lane j has the j-th. The lanes of a token; those that do not `write` only
/// keep company.
KT_DEVICE void writeChoices(const LaunchArgs& args, Candidate kept, TokenSoftmax all, uint32_t token, uint32_t lane, bool write) {
  const uint32_t topK = args.shape.topK;
  if (args.renormalise) {
    // Relative to the best of the chosen: given choices may all lie far below the token's maximum.
    all.maximum = tokenMaximum(lane < topK ? kept.value : -INFINITY);
    all.sum = tokenSum(lane < topK ? expf(kept.value - all.maximum) : 0.0f);
  }
  if (!write || lane >= topK) return;
  const uint64_t entry = static_cast<uint64_t>(token) * topK + lane;
  args.tensors.choices[entry] = kept.expert;
  args.tensors.scales[entry] = expf(kept.value - all.maximum) / all.sum;
}

/// A tile of experts as those who choose see it.
struct LogitTile {
  LogitSums sums;
  uint32_t firstExpert;
  uint32_t columns;
  uint32_t firstToken;
  bool last;            ///< of the experts: now the choices are final
  uint32_t* counts;     ///< [experts] where final choices are counted, or null
};

/// Takes a tile's logits of the window's token `t` into its softmax and choices.
KT_DEVICE void absorbLogits(const LaunchArgs& args, const LogitTile& tile, TokenTop& top, uint32_t t, uint32_t lane, bool write) {
  const uint32_t topK = args.shape.topK;
  const bool fresh = tile.firstExpert == 0;
  LaneLogits mine;
  loadLogits(tile.sums, t, lane, tile.columns, mine);
  TokenSoftmax all = {-FLT_MAX, 0.0f};
  if (!fresh) all = {top.maximum, top.sum};
  if (!args.renormalise) all = mergeSoftmax(mine, tile.columns, all);
  Candidate kept = {-INFINITY, 0xffffffffu};
  if (lane < topK && !fresh) kept.value = top.value[lane];
  if (lane < topK && (!fresh || args.given)) kept.expert = top.expert[lane];
  if (args.given) {
    const uint32_t wanted = kept.expert - tile.firstExpert;
    if (lane < topK && wanted < tile.columns) kept.value = loadLogit(tile.sums, t, wanted);
  } else {
    kept = mergeTop(mine, kept, lane, tile.firstExpert, tile.columns, topK);
  }
  if (tile.last) writeChoices(args, kept, all, tile.firstToken + t, lane, write);
  ptx::syncWarp();
  if (!write) return;
  if (lane < topK) {
    top.value[lane] = kept.value;
    top.expert[lane] = kept.expert;
    if (tile.last && tile.counts != nullptr) ptx::addShared(&tile.counts[kept.expert], 1u);
  }
  if (lane == 0) {
    top.maximum = all.maximum;
    top.sum = all.sum;
  }
}

/// A helper's number, dealt over the warps: a warp starts one prefetch after the other. At least `Helpers`: it is none.
template <uint32_t Helpers>
KT_DEVICE uint32_t helper() {
  return ptx::warp() < Helpers / 32 ? ptx::lane() * (Helpers / 32) + ptx::warp() : Helpers;
}

/// Brings what the tokens' rows have behind their first `begun` elements to L2 in long runs, all at once: slices read 128 bytes
/// here and there. At most 34 MB over all blocks of an H200, so that what came first is still there when it is read. The
/// block's first `Helpers` threads.
template <class Block, uint32_t Helpers>
KT_DEVICE void prefetchTokens(const LaunchArgs& args, uint32_t first, uint32_t count, uint32_t begun) {
  if (helper<Helpers>() >= Helpers) return;
  const uint32_t row = args.shape.hidden * 2;
  const uint32_t end = lesser(row, 256 * 1024 / Block::kPerSm / count / 128 * 128);
  if (begun * 2 >= end) return;
  const char* x = reinterpret_cast<const char*>(args.tensors.x) + begun * 2;
#pragma unroll 1
  for (uint32_t i = helper<Helpers>(); i < count; i += Helpers) {
    ptx::prefetchBulk(x + static_cast<uint64_t>(first + i) * row, end - begun * 2);
  }
}

/// Likewise the router's weights, which all blocks read: a few experts each.
template <uint32_t Helpers>
KT_DEVICE void prefetchRouter(const LaunchArgs& args, uint32_t processors, uint32_t processor, uint32_t begun) {
  if (helper<Helpers>() >= Helpers || begun >= args.shape.hidden) return;
#pragma unroll 1
  for (uint32_t e = processor + helper<Helpers>() * processors; e < args.shape.experts; e += Helpers * processors) {
    ptx::prefetchBulk(args.tensors.wg + static_cast<uint64_t>(e) * args.shape.hidden + begun, (args.shape.hidden - begun) * 2);
  }
}

/// Given choices are the gate's input.
template <class Block>
KT_DEVICE void loadGiven(const LaunchArgs& args, uint32_t first, uint32_t count) {
  if (!args.given) return;
  TokenTop* tops = tokenTops<Block>();
  const uint32_t topK = args.shape.topK;
  const uint32_t* choices = args.tensors.choices + static_cast<uint64_t>(first) * topK;
  for (uint32_t i = ptx::thread(); i < count * topK; i += Block::kThreads) tops[i / topK].expert[i % topK] = choices[i];
}

/// How warps divide a gate's tiles. All its windows of tokens alike: `only` says that there is one, of `count`.
KT_DEVICE LogitGrid logitGrid(const Shape& s, bool only, uint32_t count) {
  return LogitGrid(lesser(kTileCols, s.experts), only ? count : kTileRows);
}

/// Gates up to kTileRows tokens from `first`. `only`: it is the processor's only window, and final choices are counted in the
/// tables of placing. All threads of the block; ends with a block barrier.
template <class Block, class Feed>
KT_DEVICE void gateTokens(const LaunchArgs& args, Feed& feed, uint32_t first, uint32_t count, bool only) {
  const Shape& s = args.shape;
  for (uint32_t expert = 0; expert < s.experts; expert += kTileCols) {
    // What the sums need is computed again behind the products: they leave no registers.
    const uint32_t columns = lesser(kTileCols, s.experts - expert);
    TileAccumulators acc;
    clearLogits(acc);
    {
      const LogitGrid grid = logitGrid(s, only, count);
      const TileOperands tile = {args.tensors.wg + static_cast<uint64_t>(expert) * s.hidden,
                                 args.tensors.x + static_cast<uint64_t>(first) * s.hidden, columns, count, s.hidden};
      feed.accumulate(tile, expert, first, grid, logitPart(grid, columns, count), acc);
    }
    ptx::syncBlock();  // nobody reads the slices any more
    uint32_t* const table = only ? placeTables(s).count : nullptr;
    if (only) clearTable<Block>(args, table);
    if (expert == 0) loadGiven<Block>(args, first, count);
    const LogitGrid grid = logitGrid(s, only, count);
    const LogitSums sums(ptx::sharedAddress(pipelineMemory()) + OpeningMemory<Block>::kSums, grid, count);
    storeLogits(acc, logitPart(grid, columns, count), sums);
    ptx::syncBlock();
    stampOpening(OpeningStep::Products);
    const LogitTile logits = {sums, expert, columns, first, expert + columns == s.experts, table};
    TokenTop* tops = tokenTops<Block>();
    eachToken<Block>(count, [&](uint32_t t, uint32_t lane, bool write) { absorbLogits(args, logits, tops[t], t, lane, write); });
    ptx::syncBlock();
  }
  stampOpening(OpeningStep::Choices);
}

/// The gate of a range of tokens. All threads of the block; ends with a block barrier. The last window's choices stay in the
/// table of choices; `only`, if the range is the processor's only window: its choices by expert go to the tables of placing.
template <class Block, class Feed>
KT_DEVICE void gateShare(const LaunchArgs& args, Feed& feed, TokenShare share, uint32_t processors, uint32_t processor,
                         bool only) {
  if (share.begin >= share.end) {
    if (!only) return;
    clearTable<Block>(args, placeTables(args.shape).count);
    ptx::syncBlock();
    return;
  }
  const uint32_t rows = only ? share.end - share.begin : kTileRows;
  feed.open(logitGrid(args.shape, only, rows), args.shape.experts, rows);
  prefetchRouter<Feed::kHelpers>(args, processors, processor, feed.begun());
  for (uint32_t first = share.begin; first < share.end; first += kTileRows) {
    const uint32_t count = lesser(kTileRows, share.end - first);
    prefetchTokens<Block, Feed::kHelpers>(args, first, count, feed.begun());
    gateTokens<Block>(args, feed, first, count, only);
  }
  feed.close();
}

}  // namespace kerneltwin
