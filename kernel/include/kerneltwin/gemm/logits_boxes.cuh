// Slices of the gate's tiles by the copy engine: a ring of slots, filled by one thread with boxes of both operands and emptied by
// eight warps that never wait for all of the block. For blocks with warps beside those eight, and launches with tensor maps.
//
// A slot holds 64 elements of K of the tile's experts, then of its tokens, as logits_mma.cuh reads them: lines of 128 bytes in
// the engine's own swizzle. At S = 8192 and 64 experts 11 slots of 16 KB are in flight, at S = 1024 19 of 9 KB.
#pragma once

#include "kerneltwin/gemm/logits_mma.cuh"
#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/ptx/bulk.cuh"
#include "kerneltwin/ptx/mbarrier.cuh"
#include "kerneltwin/ptx/tma.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin {

/// The ring of one gate. Made by all threads of the block; every thread keeps its own view of it.
template <class Block>
class LogitBoxes {
 public:
  static_assert(Block::kWarps > kTileWarps, "a warp that multiplies nothing fills the ring");
  static constexpr uint32_t kMostSlots = 24;
  static constexpr uint32_t kFirstHelper = (kTileWarps + 1) * 32;  ///< threads from here on have nothing to do
  static_assert(2 * 8 * kMostSlots <= OpeningMemory<Block>::kGateBarrierBytes);

  KT_DEVICE explicit LogitBoxes(const GateMaps& gateMaps) : maps(gateMaps) {}

  /// For tiles of up to `columns` experts x `rows` tokens, of `experts` in all; ends with a block barrier.
  KT_DEVICE void open(const LogitGrid& grid, uint32_t experts, uint32_t columns, uint32_t rows) {
    routerBytes = gateBoxRows(experts) * 128;
    weightBytes = roundUp(columns, kWarpColumns) * 128;
    slotBytes = weightBytes + roundUp(rows, kGroupTokens) * 128;
    slots = lesser(kMostSlots, OpeningMemory<Block>::kGateBarriers / slotBytes);
    ring = ptx::sharedAddress(pipelineMemory());
    barriers = ring + OpeningMemory<Block>::kGateBarriers;
    filled = 0;
    if (ptx::thread() < slots) {
      ptx::initBarrier(full(ptx::thread()), 1);
      ptx::initBarrier(empty(ptx::thread()), grid.across * grid.halves);
      ptx::fenceBarrierInit();
    }
    ptx::syncBlock();
  }

  /// Elements of a row that are on their way to this block before it has consumed any.
  KT_DEVICE uint32_t begun() const { return slots * kTileDepth; }

  /// Accumulates a tile: `expert` and `token` are its first. All threads; on return this warp is done with the slices.
  KT_DEVICE void accumulate(const TileOperands& t, uint32_t expert, uint32_t token, const LogitGrid& grid, const LogitPart& part,
                            TileAccumulators& acc) {
    if (ptx::warp() < kTileWarps) multiply(t, grid, part, acc);
    else if (ptx::warp() == kTileWarps) bring(t, expert, token);
  }

  /// Ends the ring's barriers. All threads, behind a block barrier after the last tile; the memory is free behind another.
  KT_DEVICE void close() const {
    if (ptx::thread() >= slots) return;
    ptx::endBarrier(full(ptx::thread()));
    ptx::endBarrier(empty(ptx::thread()));
  }

 private:
  struct Position {
    uint32_t slot;
    uint32_t phase;
  };

  /// Brings a tile's slices. Its wait has no deadline: those it waits for wait only for its copies, and those land.
  KT_DEVICE void bring(const TileOperands& t, uint32_t expert, uint32_t token) {
    const uint32_t steps = t.depth / kTileDepth;
    if (ptx::lane() == 0) {
      ptx::fenceSharedForCopies();  // sums of the tile before lay where the slots are
      const uint32_t groups = ceilDiv(t.rows, 8);
      const uint64_t policy = ptx::policyNormal();
      Position at = position(0);
      for (uint32_t step = 0; step < steps; ++step, advance(at, 1)) {
        await(empty(at.slot), at.phase ^ 1);
        const uint32_t barrier = full(at.slot);
        const uint32_t slot = ring + at.slot * slotBytes;
        ptx::arriveExpecting(barrier, routerBytes + groups * 1024);
        ptx::loadBox(slot, &maps.router, step * kTileDepth, expert, barrier, policy);
        uint32_t group = 0;
        for (uint32_t b = kGateBoxes; b-- > 0;) {
          if ((groups >> b & 1) == 0) continue;
          ptx::loadBox(slot + weightBytes + group * 1024, &maps.tokens[b], step * kTileDepth, token + group * 8, barrier, policy);
          group += 1u << b;
        }
      }
    }
    filled += steps;
  }

  /// Accumulates the slices of this warp's part.
  KT_DEVICE void multiply(const TileOperands& t, const LogitGrid& grid, const LogitPart& part, TileAccumulators& acc) {
    const uint32_t steps = t.depth / kTileDepth;
    const SlicePlaces at(part, weightBytes);
    Position next = position(part.depthPart);
    for (uint32_t step = part.depthPart; step < steps; step += grid.depthParts, advance(next, grid.depthParts)) {
      await(full(next.slot), next.phase);
      const uint32_t slot = ring + next.slot * slotBytes;
      if (part.groups > 0) {
        multiplyStage<false, typename Block::Element>(acc, slot + at.weights, slot + at.tokens, at.weightChunk, at.tokenChunk,
                                                      part.groups);
      }
      ptx::syncWarp();
      if (ptx::lane() == 0) ptx::arrive(empty(next.slot));
    }
    filled += steps;
  }

  KT_DEVICE uint32_t full(uint32_t slot) const { return barriers + slot * 16; }
  KT_DEVICE uint32_t empty(uint32_t slot) const { return barriers + slot * 16 + 8; }

  /// Of slice `step` of the tile that comes next.
  KT_DEVICE Position position(uint32_t step) const { return {(filled + step) % slots, (filled + step) / slots % 2}; }

  KT_DEVICE void advance(Position& at, uint32_t by) const {
    at.slot += by;
    while (at.slot >= slots) at.slot -= slots, at.phase ^= 1;
  }

  KT_DEVICE static void await(uint32_t barrier, uint32_t parity) {
    while (!ptx::tryWait(barrier, parity)) {}
  }

  const GateMaps& maps;
  uint32_t routerBytes;
  uint32_t weightBytes;
  uint32_t slotBytes;
  uint32_t slots;
  uint32_t ring;        ///< shared addresses
  uint32_t barriers;
  uint32_t filled;      ///< slices of the tiles before
};

}  // namespace kerneltwin
