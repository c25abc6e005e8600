// The dispatch: copies the rows of this block's tokens into the cells of their experts, then arrives at the cells.
#pragma once

#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/actors/place.cuh"
#include "kerneltwin/actors/ring_trace.cuh"
#include "kerneltwin/protocol/send.h"
#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin {

/// 16-byte chunks a lane has in flight: 2 KB a warp.
inline constexpr uint32_t kCopyDepth = 4;

/// Copies one token's row to each lane's destination that is not null. One warp; reads the row once.
KT_DEVICE void copyRow(const bf16* from, bf16* destination, uint32_t topK, uint32_t hidden) {
  const uint32_t chunks = hidden / 8;
  for (uint32_t base = 0; base < chunks; base += kLanes * kCopyDepth) {
    ptx::Chunk data[kCopyDepth];
#pragma unroll
    for (uint32_t i = 0; i < kCopyDepth; ++i) {
      const uint32_t c = base + i * kLanes + ptx::lane();
      if (c < chunks) data[i] = ptx::loadChunk(from + c * 8);
    }
    for (uint32_t j = 0; j < topK; ++j) {
      bf16* to = reinterpret_cast<bf16*>(ptx::shuffle(reinterpret_cast<uint64_t>(destination), j));
      if (to == nullptr) continue;
#pragma unroll
      for (uint32_t i = 0; i < kCopyDepth; ++i) {
        const uint32_t c = base + i * kLanes + ptx::lane();
        if (c < chunks) ptx::storeChunk(to + c * 8, data[i]);
      }
    }
  }
}

KT_DEVICE void zeroRow(bf16* row, uint32_t hidden) {
  for (uint32_t c = ptx::lane(); c < hidden / 8; c += kLanes) ptx::storeChunk(row + c * 8, {{0, 0, 0, 0}});
}

/// Copies the kept rows of the share, a token a warp. A token with no kept choice gets its output here: no COMBINE will write it.
template <class Block, class Transport>
KT_DEVICE void copyShare(const LaunchArgs& args, const Transport& transport, TokenShare share) {
  const Shape& s = args.shape;
  const Placement placement = {args.placement, s.ranks};
  const uint32_t lane = ptx::lane();
  for (uint32_t t = share.begin + ptx::warp(); t < share.end; t += Block::kWarps) {
    bf16* destination = nullptr;
    if (lane < s.topK) {
      const uint64_t entry = static_cast<uint64_t>(t) * s.topK + lane;
      const uint32_t row = args.tensors.rows[entry];
      if (row != kDropped) {
        const ExpertHome home = placement.home(args.tensors.choices[entry]);
        destination = transport.dispatchRow(home.rank, home.slot, row);
      }
    }
    if (ptx::ballot(destination != nullptr) == 0) {
      zeroRow(args.tensors.out + static_cast<uint64_t>(t) * s.hidden, s.hidden);
    } else {
      copyRow(args.tensors.x + static_cast<uint64_t>(t) * s.hidden, destination, s.topK, s.hidden);
    }
  }
}

/// Places and dispatches the share of one processor block; after the barrier behind the gate.
template <class Block, class Transport>
KT_DEVICE void dispatchShare(const LaunchArgs& args, DeviceMemory& mem, Transport& transport, RingTrace& trace,
                             TokenShare share, uint32_t processors, uint32_t processor, uint32_t* own) {
  if (ptx::thread() == 0) trace.record(EventKind::DispatchBegin, 0, 0, 0);
  const PlaceTables tables = placeTables(args.shape);
  totalRows<Block>(args, tables, processors, processor, own);
  if (ptx::warp() == 0) numberRows(args, tables, share);
  ptx::syncBlock();
  copyShare<Block>(args, transport, share);
  ptx::syncBlock();
  transport.openList(tables.rest);
  uint32_t rows = 0;
  if (ptx::warp() == 0) {
    const DispatchState st = {args.shape, {args.placement, args.shape.ranks}, args.rank, args.epoch, processors,
                              processor, own, tables.tilesTo, args.work.cellArrivals};
    DeviceWarp warp;
    rows = arriveCells(mem, warp, transport, trace, st,
                       [&](uint32_t e) -> RowSpan { return {tables.first[e], keptHere(tables, e)}; });
  }
  transport.flush();
  if (ptx::thread() == 0) trace.record(EventKind::DispatchEnd, 0, rows, 0);
  ptx::syncBlock();
}

}  // namespace kerneltwin
