// Slices of the gate's tiles by the copy engine: a ring of slots, filled with boxes of both operands by a thread of each of the
// warps that multiply nothing (one thread alone takes as long to start a small slice's copies as they take) and emptied by eight
// warps that never wait for all of the block. For blocks with warps beside those eight, and launches with tensor maps.
//
// A slot holds 64 elements of K of the tile's experts, then of its tokens, as logits_mma.cuh reads them: lines of 128 bytes in
// the engine's own swizzle. At S = 8192 and 64 experts 8 slots of 16 KB are in flight, at S = 1024 16 of 10 KB.
#pragma once

#include "kerneltwin/gemm/logits_mma.cuh"
#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/ptx/bulk.cuh"
#include "kerneltwin/ptx/mbarrier.cuh"
#include "kerneltwin/ptx/tma.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin {

/// Starts to bring the gate's maps to the copy engine, on the block's last warp: the first boxes of a launch are the gate's.
template <class Block>
KT_DEVICE void prefetchGateMaps(const GateMaps& maps) {
  const uint32_t i = ptx::thread() - (Block::kThreads - 32);
  if (i <= kGateBoxes) ptx::prefetchMap(i == 0 ? &maps.router : &maps.tokens[i - 1]);
}

/// The ring of one gate. Made by all threads of the block; every thread keeps its own view of it.
template <class Block>
class LogitBoxes {
 public:
  static constexpr uint32_t kBringers = Block::kWarps - kTileWarps;
  static_assert(Block::kWarps > kTileWarps, "warps that multiply nothing fill the ring");
  static constexpr uint32_t kMostSlots = 24;
  static constexpr uint32_t kHelpers = kTileWarps * 32;  ///< threads that have time before the products: the first of the block
  static_assert(2 * 8 * kMostSlots <= OpeningMemory<Block>::kGateBarrierBytes);

  KT_DEVICE explicit LogitBoxes(const GateMaps& gateMaps) : maps(gateMaps) {}

  /// For tiles of up to `rows` tokens; ends with a block barrier.
  KT_DEVICE void open(const LogitGrid& grid, uint32_t experts, uint32_t rows) {
    routerBytes = gateBoxRows(experts) * 128;
    weightBytes = roundUp(lesser(kTileCols, experts), kWarpColumns) * 128;
    slotBytes = weightBytes + roundUp(rows, kGroupTokens) * 128;
    // A multiple of both the bringers and the teams, so that a slot has one of each for good. A barrier tells a phase from the next
    // by one bit: who came to a slot without having passed its last phase could take the last but one's end for it.
    const uint32_t unit = grid.depthParts > kBringers ? grid.depthParts : kBringers;
    slots = lesser(kMostSlots, OpeningMemory<Block>::kGateBarriers / slotBytes) / unit * unit;
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
    else bring(t, expert, token, ptx::warp() - kTileWarps);
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

  /// Brings every kBringers-th slice of a tile. Its wait has no deadline: those it waits for wait only for copies that were
  /// started, and those land.
  KT_DEVICE void bring(const TileOperands& t, uint32_t expert, uint32_t token, uint32_t first) {
    const uint32_t steps = t.depth / kTileDepth;
    if (ptx::lane() == 0) {
      ptx::fenceSharedForCopies();  // sums of the tile before lay where the slots are
      const uint32_t groups = ceilDiv(t.rows, 8);
      const uint64_t policy = ptx::policyNormal();
      Position at = position(first);
#pragma unroll 1
      for (uint32_t step = first; step < steps; step += kBringers, advance(at, kBringers)) {
        await(empty(at.slot), at.phase ^ 1);
        const uint32_t barrier = full(at.slot);
        const uint32_t slot = ring + at.slot * slotBytes;
        ptx::arriveExpecting(barrier, routerBytes + groups * 1024);
        ptx::loadBox(slot, &maps.router, step * kTileDepth, expert, barrier, policy);
        uint32_t group = 0;
#pragma unroll 1
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
#pragma unroll 1
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
