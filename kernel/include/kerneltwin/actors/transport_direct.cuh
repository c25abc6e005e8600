// Direct transport: rows and tiles are stored straight into the peer's memory, a signal is one release store there.
// Needs a mapping of every peer's heap (one GPU, or NVLink).
#pragma once

#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/layout/heap.h"

namespace kerneltwin {

struct DirectTransport {
  const LaunchArgs& args;

  KT_DEVICE explicit DirectTransport(const LaunchArgs& a) : args(a) {}

  /// Where row `row` of this rank's dispatch cell (dest, slot) is to be stored.
  KT_DEVICE bf16* dispatchRow(uint32_t dest, uint32_t slot, uint32_t row) const {
    const uint64_t cell = cellIndex(args.shape, args.rank, Round::Dispatch, Stage::Incoming, slot);
    return args.symmetric.peerHeaps[dest] + dispatchOffset(args.shape, cell, row, 0);
  }

  /// Where tile `col` of row `row` on, of this rank's expert `slot`, is to be stored for rank `dest`.
  KT_DEVICE bf16* combineTile(uint32_t dest, uint32_t slot, uint32_t row, uint32_t col) const {
    const uint64_t cell = cellIndex(args.shape, args.rank, Round::Combine, Stage::Incoming, slot);
    return args.symmetric.peerHeaps[dest] + combineOffset(args.shape, cell, row, col * args.shape.tileCols);
  }

  /// This block's rows of a cell are at the peer now.
  template <class T>
  KT_DEVICE void recordRows(T& trace, uint32_t dest, uint32_t slot, uint32_t first, uint32_t rows) const {
    const uint64_t cell = cellIndex(args.shape, args.rank, Round::Dispatch, Stage::Incoming, slot);
    trace.record(EventKind::Put, dest, static_cast<uint32_t>(heapRow(args.shape, cell, first)), packPut(rows, 0));
  }

  /// The rows were put by the blocks that copied them.
  template <class T>
  KT_DEVICE void beforeCellSignal(T&, uint32_t, uint32_t, uint32_t) const {}

  /// System scope for both: the peer may be another GPU. The payload was stored by all threads of this block (and, for a
  /// cell, by others that arrived before); the block barrier and the arrival chain make the release cover them. A cell's
  /// release is the fence that its last arriver made for all cells it completed.
  template <class M>
  KT_DEVICE void deliverCell(M& mem, uint32_t dest, uint32_t, uint32_t, uint32_t flag, uint64_t word) const {
    mem.template store<Order::Relaxed, Scope::System>(&args.symmetric.peerFlags[dest][flag], word);
  }

  template <class M>
  KT_DEVICE void deliverTile(M& mem, uint32_t dest, uint32_t, RowSpan, uint32_t, uint32_t flag, uint64_t word) const {
    mem.template store<Order::Release, Scope::System>(&args.symmetric.peerFlags[dest][flag], word);
  }

  KT_DEVICE void openList(char*) const {}
  KT_DEVICE void flush() const {}
  KT_DEVICE void quiet() const {}
};

}  // namespace kerneltwin
