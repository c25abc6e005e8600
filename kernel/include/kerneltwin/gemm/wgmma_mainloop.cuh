// The products of one tile, by one consumer warpgroup: for every stage of the ring, wait until it is full, issue its products,
// and hand the stage before it back once those products are done. One group of products stays under way throughout.
//
// Cost on an H200 at full rate: a 128 x 256 tile takes 1024 cycles a stage; waiting and issuing take about 40 of one warp,
// hidden under the group that is under way.
#pragma once

#include "kerneltwin/gemm/wgmma_ring.cuh"
#include "kerneltwin/ptx/warp.cuh"
#include "kerneltwin/ptx/wgmma.cuh"

namespace kerneltwin {

/// The products of a stage, for `Groups` groups of 8 tokens. Weights are read from shared memory once per product, tokens
/// once per fragment.
template <class Config, uint32_t Groups>
KT_DEVICE void multiplyStage(float* acc, uint32_t weights, uint32_t tokens, uint32_t first) {
  constexpr uint32_t kFirst = Groups < kMostGroups ? Groups : kMostGroups;
  constexpr uint32_t kSecond = Groups - kFirst;
  constexpr uint32_t kSliceBytes = kProductDepth * 2;
#pragma unroll
  for (uint32_t kk = 0; kk < kStageDepth / kProductDepth; ++kk) {
    const uint32_t add = kk == 0 ? first : 1;
    const uint64_t b = matrixDescriptor(tokens + descriptorStep(kk * kSliceBytes));
#pragma unroll
    for (uint32_t f = 0; f < Config::kFragments; ++f) {
      const uint64_t a = matrixDescriptor(weights + descriptorStep(f * kFragmentRows * kLineBytes + kk * kSliceBytes));
      ptx::wgmma<kFirst * 8, Config::Element::kHalf>(acc + f * Config::kFragmentAccumulators, a, b, add);
      if constexpr (kSecond > 0) {
        ptx::wgmma<kSecond * 8, Config::Element::kHalf>(acc + kFirst * 4, a, b + descriptorStep(kFirst * kSwizzleBytes), add);
      }
    }
  }
}

/// The warpgroups keep a ring apart, so that one has the tensor cores while the other stores its results: on its first tile the
/// second waits until the first has issued all but the last stage of the ring, or its whole tile.
inline constexpr uint32_t kLeadBarrier = 4;
inline constexpr uint32_t kNoSignal = 0xffffffffu;

/// The whole depth of a tile, at least one step. `weights` and `tokens` are low words of the descriptors of stage 0. On return
/// the accumulators are final and all stages the tile used are handed back. After step `signalAt` the other group may begin.
template <class Config, uint32_t Groups, class Guard>
KT_DEVICE void multiplyDepth(float* acc, const PipelineView<Config>& pipe, RingCursor<Config>& ring, uint32_t weights,
                             uint32_t tokens, uint32_t steps, uint32_t signalAt, const Guard& guard) {
  uint32_t previous = 0;
  for (uint32_t step = 0; step < steps; ++step) {
    awaitPhase(guard, pipe.full(ring.stage), ring.phase, Wait::Full);
    const uint32_t at = descriptorStep(ring.stage * Config::kStageBytes);
    ptx::wgmmaFence();
    multiplyStage<Config, Groups>(acc, weights + at, tokens + at, step);
    ptx::wgmmaCommit();
    if (step == signalAt) ptx::arriveThreads(kLeadBarrier, kConsumerThreads);
    if (step > 0) {
      ptx::wgmmaWait<1>();
      pipe.releaseStage(previous);
    }
    previous = ring.stage;
    ring.advance();
  }
  ptx::wgmmaWait<0>();
  pipe.releaseStage(previous);
}

/// Chooses the instantiated width. One jump a tile. `first`: of this launch.
template <class Config, class Guard>
KT_DEVICE void multiplyTile(float (&acc)[Config::kAccumulators], const PipelineView<Config>& pipe,
                            RingCursor<Config>& ring, const TileTask& task, bool first, const Guard& guard) {
  const uint32_t weights = descriptorLow(pipe.ring + pipe.group * Config::kGroupColumns * kLineBytes);
  const uint32_t tokens = descriptorLow(pipe.ring + Config::kWeightBytes);
  const uint32_t steps = ptx::shuffle(task.steps, 0);
  uint32_t signalAt = kNoSignal;
  if (first && pipe.group == 0) signalAt = steps < Config::kStages ? steps - 1 : Config::kStages - 2;
  if (first && pipe.group != 0) ptx::syncThreads(kLeadBarrier, kConsumerThreads);
#define KT_WIDTH(groups)                                                                           \
  case groups:                                                                                     \
    if constexpr (groups <= Config::kGroups) {                                                     \
      multiplyDepth<Config, groups>(acc, pipe, ring, weights, tokens, steps, signalAt, guard);               \
    }                                                                                              \
    break;
#define KT_WIDTHS(base) KT_WIDTH(base) KT_WIDTH(base + 1) KT_WIDTH(base + 2) KT_WIDTH(base + 3)
  ptx::pin(acc);
  switch (ptx::shuffle(tokenGroups(task.rows), 0)) {
    KT_WIDTHS(1) KT_WIDTHS(5) KT_WIDTHS(9) KT_WIDTHS(13)
    KT_WIDTHS(17) KT_WIDTHS(21) KT_WIDTHS(25) KT_WIDTHS(29)
    KT_WIDTHS(33) KT_WIDTHS(37)
    default: break;
  }
  ptx::pin(acc);
#undef KT_WIDTHS
#undef KT_WIDTH
}

}  // namespace kerneltwin
