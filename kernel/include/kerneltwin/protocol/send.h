// Sending: who signals a dispatch cell, and the signal of a GEMM1 tile.
//
// Transport policy `X`, called by one thread after its block's payload stores are ordered before it:
//   void beforeCellSignal(T& trace, dest, slot, rows)          records the put that deliverCell is about to make, if it makes one
//   void deliverCell(M&, dest, slot, rows, flag, word)         dispatch cell (this rank, slot) of rank `dest`
//   void deliverTile(M&, dest, slot, RowSpan, col, flag, word) one column tile of a row block of the combine round;
//                                                              `slot` is the expert's slot on this rank
// Direct stores: the payload is in the peer's memory already and the call is one `st.release.sys` of the flag.
// Put: the payload lies in this rank's outgoing stage and the call is one put-with-signal, which orders its own payload before
// its own signal and nothing else.
#pragma once

#include "kerneltwin/layout/placement.h"
#include "kerneltwin/protocol/arrival.h"

namespace kerneltwin {

struct DispatchState {
  Shape shape;
  Placement placement;
  uint32_t rank;
  uint32_t epoch;
  uint32_t processors;          ///< processor blocks that dispatch
  uint32_t index;               ///< this block
  const uint32_t* ownRows;      ///< [expert] rows this rank keeps
  const uint32_t* rowTilesTo;   ///< [rank] row blocks of all cells this rank sends there
  uint32_t* cellArrivals;       ///< [expert] rows put so far by this rank's blocks
};

/// Row blocks this rank sends to `dest`: what every signal to it announces.
KT_HD uint32_t announcedRowTiles(const Shape& s, const Placement& placement, const uint32_t* ownRows, uint32_t dest) {
  uint32_t tiles = 0;
  for (uint32_t e = placement.base[dest]; e < placement.base[dest + 1]; ++e) tiles += rowBlocks(s, ownRows[e]);
  return tiles;
}

/// Signals the cell of `expert` at its home. Stamped before the store that publishes it.
template <class M, class X, class T>
KT_HD void signalCell(M& mem, X& transport, T& trace, const DispatchState& st, uint32_t expert) {
  const Shape& s = st.shape;
  const ExpertHome home = st.placement.home(expert);
  const uint32_t rows = st.ownRows[expert];
  const uint32_t flag = dispatchFlag(s, st.rank, home.slot);
  transport.beforeCellSignal(trace, home.rank, home.slot, rows);
  trace.record(EventKind::SignalSent, home.rank, flag, packSignalArg(rows, epochState(st.epoch)));
  transport.deliverCell(mem, home.rank, home.slot, rows, flag,
                        packSignal({epochState(st.epoch), rows, st.rowTilesTo[home.rank]}));
}

/// Adds the `rows` this block has put for `expert`; the block that completes the cell signals it. One thread, after the
/// block barrier that follows the copies.
template <class M, class X, class T>
KT_HD void arriveCell(M& mem, X& transport, T& trace, const DispatchState& st, uint32_t expert, uint32_t rows) {
  const uint32_t total = st.ownRows[expert];
  const auto put = trace.stamp();
  const uint32_t before = arrive<Scope::Device>(mem, &st.cellArrivals[expert], rows, total);
  trace.recordAt(put, EventKind::CellArrive, st.placement.home(expert).rank, expert, before);
  if (before + rows == total) signalCell(mem, transport, trace, st, expert);
}

/// No-op signals for the experts this rank sends nothing to: without them a peer could never correct its bound.
/// Block i takes experts i, i + processors, ...; `lane` of `lanes` threads share them.
template <class M, class X, class T>
KT_HD void sendNoops(M& mem, X& transport, T& trace, const DispatchState& st, uint32_t lane, uint32_t lanes) {
  for (uint32_t e = st.index + lane * st.processors; e < st.shape.experts; e += lanes * st.processors) {
    if (st.ownRows[e] == 0) signalCell(mem, transport, trace, st, e);
  }
}

/// Signals a finished GEMM1 tile to the tokens' home rank. One thread, after the block barrier that follows the stores.
template <class M, class X, class T>
KT_HD void signalTile(M& mem, X& transport, T& trace, const Shape& s, const Placement& placement, uint32_t rank,
                      uint32_t epoch, const Task& task, uint32_t rows) {
  const RowSpan span = rowSpan(s, rows, task.block);
  const uint32_t expert = placement.globalExpert(rank, task.expert);
  const uint32_t flag = combineFlag(s, expert, task.block, task.col);
  trace.record(EventKind::SignalSent, task.peer, flag, packSignalArg(span.count, epochState(epoch)));
  transport.deliverTile(mem, task.peer, task.expert, span, task.col, flag,
                        packSignal({epochState(epoch), span.count, 0}));
}

}  // namespace kerneltwin
