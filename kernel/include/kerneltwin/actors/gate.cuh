// The gate: router logits of this block's tokens on tensor cores in fp32, softmax over all experts, top-k.
//
// Logits of up to 128 tokens x 128 experts are one GEMM tile. A running maximum, a running sum and a running top-k per
// token carry over from one tile of experts to the next, so any number of experts takes the same memory.
#pragma once

#include <cfloat>
#include <cmath>

#include "kerneltwin/actors/share.cuh"
#include "kerneltwin/gemm/logits_mma.cuh"
#include "kerneltwin/ptx/memory.cuh"
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

KT_DEVICE Candidate warpBest(Candidate best) {
#pragma unroll
  for (uint32_t mask = 16; mask > 0; mask /= 2) {
    const Candidate other = {ptx::shuffleXor(best.value, mask), ptx::shuffleXor(best.expert, mask)};
    if (beats(other, best)) best = other;
  }
  return best;
}

inline constexpr uint32_t kCandidates = kTileCols / 32 + 1;

/// Keeps the best `topK` of this tile's logits and the token's choices so far. One warp per token.
KT_DEVICE void mergeTop(TokenTop& top, Candidate (&mine)[kCandidates], uint32_t topK) {
  const uint32_t lane = ptx::lane();
  mine[kCandidates - 1] = lane < topK ? Candidate{top.value[lane], top.expert[lane]}
                                      : Candidate{-INFINITY, 0xffffffffu};
  Candidate kept = {-INFINITY, 0xffffffffu};
  for (uint32_t j = 0; j < topK; ++j) {
    Candidate best = mine[0];
#pragma unroll
    for (uint32_t i = 1; i < kCandidates; ++i) {
      if (beats(mine[i], best)) best = mine[i];
    }
    best = warpBest(best);
#pragma unroll
    for (uint32_t i = 0; i < kCandidates; ++i) {
      if (mine[i].expert == best.expert) mine[i] = {-INFINITY, 0xffffffffu};
    }
    if (lane == j) kept = best;
  }
  if (lane < topK) {
    top.value[lane] = kept.value;
    top.expert[lane] = kept.expert;
  }
}

/// Takes one tile of logits into a token's softmax and choices. One warp per token.
KT_DEVICE void absorbLogits(const LaunchArgs& args, const float* logits, TokenTop& top, uint32_t firstExpert,
                            uint32_t columns) {
  const uint32_t lane = ptx::lane();
  Candidate mine[kCandidates];
  float maximum = top.maximum;
#pragma unroll
  for (uint32_t i = 0; i < kCandidates - 1; ++i) {
    const uint32_t column = lane + 32 * i;
    const bool valid = column < columns;
    mine[i] = {valid ? finiteLogit(logits[column]) : -INFINITY, valid ? firstExpert + column : 0xffffffffu};
    maximum = fmaxf(maximum, mine[i].value);
  }
#pragma unroll
  for (uint32_t mask = 16; mask > 0; mask /= 2) maximum = fmaxf(maximum, ptx::shuffleXor(maximum, mask));
  float sum = 0.0f;
#pragma unroll
  for (uint32_t i = 0; i < kCandidates - 1; ++i) sum += expf(mine[i].value - maximum);
#pragma unroll
  for (uint32_t mask = 16; mask > 0; mask /= 2) sum += ptx::shuffleXor(sum, mask);
  sum += top.sum * expf(top.maximum - maximum);
  if (args.given) {
    const uint32_t wanted = lane < args.shape.topK ? top.expert[lane] - firstExpert : 0xffffffffu;
    if (wanted < columns) top.value[lane] = finiteLogit(logits[wanted]);
  } else {
    mergeTop(top, mine, args.shape.topK);
  }
  ptx::syncWarp();
  if (lane == 0) {
    top.maximum = maximum;
    top.sum = sum;
  }
}

/// Turns a token's best logits into choices and scales. One warp per token.
KT_DEVICE void writeChoices(const LaunchArgs& args, const TokenTop& top, uint32_t token) {
  const uint32_t topK = args.shape.topK;
  const uint32_t lane = ptx::lane();
  const float value = lane < topK ? top.value[lane] : -INFINITY;
  float reference = top.maximum;
  float total = top.sum;
  if (args.renormalise) {
    // Relative to the best of the chosen: given choices may all lie far below the token's maximum.
    reference = value;
#pragma unroll
    for (uint32_t mask = 16; mask > 0; mask /= 2) reference = fmaxf(reference, ptx::shuffleXor(reference, mask));
    total = lane < topK ? expf(value - reference) : 0.0f;
#pragma unroll
    for (uint32_t mask = 16; mask > 0; mask /= 2) total += ptx::shuffleXor(total, mask);
  }
  if (lane >= topK) return;
  const uint64_t entry = static_cast<uint64_t>(token) * topK + lane;
  args.tensors.choices[entry] = top.expert[lane];
  args.tensors.scales[entry] = expf(value - reference) / total;
}

/// Gates up to kTileRows tokens from `first`. All threads of the block.
template <class Block>
KT_DEVICE void gateTokens(const LaunchArgs& args, uint32_t first, uint32_t count) {
  const Shape& s = args.shape;
  TokenTop* tops = tokenTops<Block>();
  float* logits = reinterpret_cast<float*>(pipelineMemory());  // shares its memory with the stages
  const uint32_t lane = ptx::lane();
  for (uint32_t t = ptx::warp(); t < count; t += Block::kWarps) {
    TokenTop& top = tops[t];
    if (lane < kMaxTopK) {
      const bool given = args.given && lane < s.topK;
      top.value[lane] = -INFINITY;
      top.expert[lane] =
          given ? args.tensors.choices[static_cast<uint64_t>(first + t) * s.topK + lane] : 0xffffffffu;
    }
    if (lane == 0) top.maximum = -FLT_MAX, top.sum = 0.0f;
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
    for (uint32_t t = ptx::warp(); t < count; t += Block::kWarps) {
      absorbLogits(args, logits + t * kLogitStride, tops[t], expert, tile.columns);
    }
    ptx::syncBlock();
  }
  for (uint32_t t = ptx::warp(); t < count; t += Block::kWarps) writeChoices(args, tops[t], first + t);
  ptx::syncBlock();
}

/// The gate of a range of tokens. All threads of the block; ends with a block barrier. The last window's choices stay in the table.
template <class Block>
KT_DEVICE void gateShare(const LaunchArgs& args, TokenShare share) {
  for (uint32_t first = share.begin; first < share.end; first += kTileRows) {
    gateTokens<Block>(args, first, lesser(kTileRows, share.end - first));
  }
}

}  // namespace kerneltwin
