// The gate: router logits of this block's tokens on tensor cores in fp32, softmax over all experts, top-k.
//
// Logits of up to 128 tokens x 128 experts are one GEMM tile. A running maximum, a running sum and a running top-k per
// token carry over from one tile of experts to the next, so any number of experts takes the same memory.
#pragma once

#include <cfloat>
#include <cmath>

#include "kerneltwin/actors/opening_steps.cuh"
#include "kerneltwin/actors/share.cuh"
#include "kerneltwin/gemm/logits_mma.cuh"
#include "kerneltwin/ptx/bulk.cuh"
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
using LaneLogits = Candidate[kColumnGroups][4];

KT_DEVICE void loadLogits(const float* logits, uint32_t lane, uint32_t firstExpert, uint32_t columns, LaneLogits& mine) {
#pragma unroll
  for (uint32_t i = 0; i < kColumnGroups; ++i) {
    const uint32_t column = (i * kTokenLanes + lane) * 4;
    const ptx::Chunk c = ptx::loadChunk(logits + column);
#pragma unroll
    for (uint32_t w = 0; w < 4; ++w) {
      const bool valid = column + w < columns;
      mine[i][w] = {valid ? finiteLogit(bitsToFloat(c.word[w])) : -INFINITY,
                    valid ? firstExpert + column + w : 0xffffffffu};
    }
  }
}

/// Keeps the best `topK` of this tile's logits and the token's choices so far; lane j has the j-th.
KT_DEVICE Candidate mergeTop(LaneLogits& mine, Candidate carried, uint32_t lane, uint32_t topK) {
  Candidate kept = {-INFINITY, 0xffffffffu};
  for (uint32_t j = 0; j < topK; ++j) {
    Candidate best = carried;
#pragma unroll
    for (uint32_t i = 0; i < kColumnGroups; ++i) {
      Candidate group = mine[i][0];
#pragma unroll
      for (uint32_t w = 1; w < 4; ++w) {
        if (beats(mine[i][w], group)) group = mine[i][w];
      }
      if (beats(group, best)) best = group;
    }
    best = tokenBest(best);
    if (carried.expert == best.expert) carried = {-INFINITY, 0xffffffffu};
#pragma unroll
    for (uint32_t i = 0; i < kColumnGroups; ++i) {
#pragma unroll
      for (uint32_t w = 0; w < 4; ++w) {
        if (mine[i][w].expert == best.expert) mine[i][w] = {-INFINITY, 0xffffffffu};
      }
    }
    if (lane == j) kept = best;
  }
  return kept;
}

/// Takes one tile of logits into a token's softmax and choices. The lanes of a token; those that do not `write` only keep company.
KT_DEVICE void absorbLogits(const LaunchArgs& args, const float* logits, TokenTop& top, uint32_t firstExpert,
                            uint32_t columns, uint32_t lane, bool write) {
  const uint32_t topK = args.shape.topK;
  LaneLogits mine;
  loadLogits(logits, lane, firstExpert, columns, mine);
  const float before = top.maximum;
  float maximum = before;
#pragma unroll
  for (uint32_t i = 0; i < kColumnGroups; ++i) {
#pragma unroll
    for (uint32_t w = 0; w < 4; ++w) maximum = fmaxf(maximum, mine[i][w].value);
  }
  maximum = tokenMaximum(maximum);
  float sum = 0.0f;
#pragma unroll
  for (uint32_t i = 0; i < kColumnGroups; ++i) {
#pragma unroll
    for (uint32_t w = 0; w < 4; ++w) sum += expf(mine[i][w].value - maximum);
  }
  sum = tokenSum(sum) + top.sum * expf(before - maximum);
  const Candidate carried = lane < topK ? Candidate{top.value[lane], top.expert[lane]} : Candidate{-INFINITY, 0xffffffffu};
  Candidate kept = carried;
  if (args.given) {
    const uint32_t wanted = carried.expert - firstExpert;
    if (lane < topK && wanted < columns) kept.value = finiteLogit(logits[wanted]);
  } else {
    kept = mergeTop(mine, carried, lane, topK);
  }
  ptx::syncWarp();
  if (!write) return;
  if (lane < topK) {
    top.value[lane] = kept.value;
    top.expert[lane] = kept.expert;
  }
  if (lane == 0) {
    top.maximum = maximum;
    top.sum = sum;
  }
}

/// Turns a token's best logits into choices and scales. The lanes of a token, as above.
KT_DEVICE void writeChoices(const LaunchArgs& args, const TokenTop& top, uint32_t token, uint32_t lane, bool write) {
  const uint32_t topK = args.shape.topK;
  const float value = lane < topK ? top.value[lane] : -INFINITY;
  float reference = top.maximum;
  float total = top.sum;
  if (args.renormalise) {
    // Relative to the best of the chosen: given choices may all lie far below the token's maximum.
    reference = tokenMaximum(value);
    total = tokenSum(lane < topK ? expf(value - reference) : 0.0f);
  }
  if (!write || lane >= topK) return;
  const uint64_t entry = static_cast<uint64_t>(token) * topK + lane;
  args.tensors.choices[entry] = top.expert[lane];
  args.tensors.scales[entry] = expf(value - reference) / total;
}

/// Brings the tile's tokens to L2 in long runs, all at once: the pipeline's steps read 128 bytes here and there and wait for each
/// other. At most 34 MB over all blocks of an H200, so that what came first is still there when it is read.
template <class Block>
KT_DEVICE void prefetchTokens(const LaunchArgs& args, uint32_t first, uint32_t count) {
  const uint32_t row = args.shape.hidden * 2;
  const uint32_t bytes = lesser(row, 256 * 1024 / Block::kPerSm / count / 128 * 128);
  if (ptx::thread() < count && bytes > 0) {
    const char* x = reinterpret_cast<const char*>(args.tensors.x);
    ptx::prefetchBulk(x + static_cast<uint64_t>(first + ptx::thread()) * row, bytes);
  }
}

/// Likewise the router's weights, which all blocks read: a few experts each.
template <class Block>
KT_DEVICE void prefetchRouter(const LaunchArgs& args, uint32_t processors, uint32_t processor) {
  const uint64_t experts = args.shape.experts;
  const uint64_t first = processor + static_cast<uint64_t>(ptx::thread()) * processors;
  for (uint64_t e = first; e < experts; e += Block::kThreads * processors) {
    ptx::prefetchBulk(args.tensors.wg + e * args.shape.hidden, args.shape.hidden * 2);
  }
}

/// Gates up to kTileRows tokens from `first`. All threads of the block.
template <class Block>
KT_DEVICE void gateTokens(const LaunchArgs& args, uint32_t first, uint32_t count) {
  const Shape& s = args.shape;
  TokenTop* tops = tokenTops<Block>();
  float* logits = reinterpret_cast<float*>(pipelineMemory());  // shares its memory with the stages
  prefetchTokens<Block>(args, first, count);
  for (uint32_t i = ptx::thread(); i < count * kMaxTopK; i += Block::kThreads) {
    TokenTop& top = tops[i / kMaxTopK];
    const uint32_t j = i % kMaxTopK;
    const bool given = args.given && j < s.topK;
    top.value[j] = -INFINITY;
    top.expert[j] = given ? args.tensors.choices[static_cast<uint64_t>(first + i / kMaxTopK) * s.topK + j] : 0xffffffffu;
    if (j == 0) top.maximum = -FLT_MAX, top.sum = 0.0f;
  }
  TileOperands& tile = control().tile;
  for (uint32_t expert = 0; expert < s.experts; expert += kTileCols) {
    if (ptx::thread() == 0) {
      tile = {args.tensors.wg + static_cast<uint64_t>(expert) * s.hidden,
              args.tensors.x + static_cast<uint64_t>(first) * s.hidden, lesser(kTileCols, s.experts - expert), count,
              s.hidden};
    }
    ptx::syncBlock();
    const LogitPart part = logitPart(tile);
    TileAccumulators acc;
    accumulateLogits<Block>(tile, ptx::sharedAddress(pipelineMemory()), part, acc);
    storeLogits(acc, part, logits);
    stampOpening(OpeningStep::Products);
    eachToken<Block>(count, [&](uint32_t t, uint32_t lane, bool write) {
      absorbLogits(args, logits + t * kLogitStride, tops[t], expert, tile.columns, lane, write);
    });
    ptx::syncBlock();
  }
  eachToken<Block>(count, [&](uint32_t t, uint32_t lane, bool write) {
    writeChoices(args, tops[t], first + t, lane, write);
  });
  ptx::syncBlock();
  stampOpening(OpeningStep::Choices);
}

/// The gate of a range of tokens. All threads of the block; ends with a block barrier. The last window's choices stay in the table.
template <class Block>
KT_DEVICE void gateShare(const LaunchArgs& args, TokenShare share, uint32_t processors, uint32_t processor) {
  prefetchRouter<Block>(args, processors, processor);
  for (uint32_t first = share.begin; first < share.end; first += kTileRows) {
    gateTokens<Block>(args, first, lesser(kTileRows, share.end - first));
  }
}

}  // namespace kerneltwin
