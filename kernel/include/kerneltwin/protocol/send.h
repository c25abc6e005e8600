// Sending: who signals a dispatch cell, and the signal of a GEMM1 tile.
//
// Transport policy `X`, called by one thread after its block's payload stores are ordered before it:
//   void recordRows(T& trace, dest, slot, first, rows)         records this block's put of rows of a dispatch cell, if they are there
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

/// No-op signals for the experts this rank sends nothing to: without them a peer could never correct its bound.
/// Block i takes experts i, i + processors, ...; `lane` of `lanes` threads share them.
template <class M, class X, class T>
KT_HD void sendNoops(M& mem, X& transport, T& trace, const DispatchState& st, uint32_t lane, uint32_t lanes) {
  for (uint32_t e = st.index + lane * st.processors; e < st.shape.experts; e += lanes * st.processors) {
    if (st.ownRows[e] == 0) signalCell(mem, transport, trace, st, e);
  }
}

/// Arrives at the cells this block has put rows for, an expert a lane, signals those it completes, and sends its share of the
/// no-ops. One warp, after the block barrier that follows the copies. `put(expert)` is the span of the expert's rows that this
/// block has put, perhaps empty. Returns the rows put, in all lanes.
///
/// In steps that the whole warp takes together, so that the trace can be true: lanes have no order among each other, and
/// records of arrivals in any other order than that of the experts could contradict the counters of two blocks.
template <class M, class W, class X, class T, class Put>
KT_HD uint32_t arriveCells(M& mem, W& warp, X& transport, T& trace, const DispatchState& st, Put&& put) {
  typename W::template Var<uint32_t> sum, rows, before;
  typename W::template Var<typename T::Stamp> stamp;
  warp.each([&](uint32_t lane) { sum[lane] = 0; });
  for (uint32_t base = 0; base < st.shape.experts; base += kLanes) {
    const uint32_t arriving = warp.ballot([&](uint32_t lane) {
      const uint32_t e = base + lane;
      const RowSpan span = e < st.shape.experts ? put(e) : RowSpan{0, 0};
      rows[lane] = span.count;
      sum[lane] += span.count;
      if (span.count == 0) return false;
      const ExpertHome home = st.placement.home(e);
      transport.recordRows(trace, home.rank, home.slot, span.begin, span.count);
      return true;
    });
    if (arriving == 0) continue;
    warp.each([&](uint32_t lane) { stamp[lane] = trace.stamp(); });
    const typename T::Stamp arrived = warp.broadcast(stamp, 0);
    warp.each([&](uint32_t lane) {
      const uint32_t e = base + lane;
      if (rows[lane] > 0) before[lane] = arrive<Scope::Device>(mem, &st.cellArrivals[e], rows[lane], st.ownRows[e]);
    });
    warp.sync();
    warp.each([&](uint32_t lane) {
      const uint32_t e = base + lane;
      if (rows[lane] > 0) trace.recordAt(arrived, EventKind::CellArrive, st.placement.home(e).rank, e, before[lane]);
    });
    warp.sync();
    warp.each([&](uint32_t lane) {
      const uint32_t e = base + lane;
      if (rows[lane] > 0 && before[lane] + rows[lane] == st.ownRows[e]) signalCell(mem, transport, trace, st, e);
    });
    warp.sync();
  }
  warp.each([&](uint32_t lane) { sendNoops(mem, transport, trace, st, lane, kLanes); });
  warp.sync();
  return warp.exclusiveScan(sum);
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
