// Sending: who signals a dispatch cell, and the signal of a GEMM1 tile.
//
// Transport policy `X`, called by one thread after its block's payload stores are ordered before it:
//   void recordRows(T& trace, dest, slot, first, rows)         records this block's put of rows of a dispatch cell, if they are there
//   void beforeCellSignal(T& trace, dest, slot, rows)          records the put that deliverCell is about to make, if it makes one
//   void deliverCell(M&, dest, slot, rows, flag, word)         dispatch cell (this rank, slot) of rank `dest`, with rows only
//                                                              behind passOnArrivals
//   void deliverTile(M&, dest, slot, RowSpan, col, flag, word) one column tile of a row block of the combine round;
//                                                              `slot` is the expert's slot on this rank
// Direct stores: the payload is in the peer's memory already and the call is one store of the flag at system scope, relaxed
// for a cell, whose sender has made its fence, releasing for a tile.
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

/// Signals the cell of `expert` at its home, behind passOnArrivals where the cell has rows; a no-op has nothing to pass on.
/// Stamped before the store that publishes it.
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

/// Groups of kLanes experts whose arrivals travel together: each would cost another round trip, about 1.5 us on an H200 with
/// what is made of its answer. More would cost registers for launches that hardly anybody makes.
inline constexpr uint32_t kArrivalGroups = 4;

/// Where a warp is in its arrivals: lane l has the experts `base + l + kLanes * g` for each group g.
template <class W>
struct Arrivals {
  template <class V>
  using Var = typename W::template Var<V>;

  uint32_t base;
  Var<uint32_t> rows[kArrivalGroups];    ///< put here by this block
  Var<uint32_t> before[kArrivalGroups];  ///< rows put before it
  Var<uint32_t> complete;                ///< bit g: this arrival completed the cell of group g

  KT_HD uint32_t expert(uint32_t group, uint32_t lane) const { return base + group * kLanes + lane; }

  /// A group's value where the group is no constant: selected, as registers have no index.
  KT_HD static uint32_t of(const Var<uint32_t> (&values)[kArrivalGroups], uint32_t group, uint32_t lane) {
    uint32_t value = values[0][lane];
    KT_UNROLL
    for (uint32_t g = 1; g < kArrivalGroups; ++g) value = group == g ? values[g][lane] : value;
    return value;
  }
};

/// Finds the rows this block has put for the experts of `a`, and adds them to `sum`. False: none.
template <class W, class Put>
KT_HD bool takePuts(W& warp, const DispatchState& st, Arrivals<W>& a, typename W::template Var<uint32_t>& sum, Put&& put) {
  const uint32_t any = warp.ballot([&](uint32_t lane) {
    uint32_t here = 0;
    KT_UNROLL
    for (uint32_t g = 0; g < kArrivalGroups; ++g) {
      const uint32_t e = a.expert(g, lane);
      const RowSpan span = e < st.shape.experts ? put(e) : RowSpan{0, 0};
      a.rows[g][lane] = span.count;
      here += span.count;
    }
    sum[lane] += here;
    return here > 0;
  });
  return any != 0;
}

/// Does `record(lane, group, expert)` for all of this block's arrivals, in the order of the experts whatever that of the lanes.
template <class W, class T, class F>
KT_HD void recordEach(W& warp, const T& trace, const DispatchState& st, const Arrivals<W>& a, F record) {
  if (trace.off()) return;
  KT_ROLLED
  for (uint32_t g = 0; g < kArrivalGroups && a.expert(g, 0) < st.shape.experts; ++g) {
    warp.each([&](uint32_t lane) {
      if (Arrivals<W>::of(a.rows, g, lane) > 0) record(lane, g, a.expert(g, lane));
    });
    warp.sync();
  }
}

/// All arrivals in one flight, with a record of each.
template <class M, class W, class T>
KT_HD void arriveTogether(M& mem, W& warp, T& trace, const DispatchState& st, Arrivals<W>& a) {
  typename W::template Var<typename T::Stamp> stamp;
  releaseArrivals(mem);
  warp.each([&](uint32_t lane) { stamp[lane] = trace.stamp(); });
  const typename T::Stamp arrived = warp.broadcast(stamp, 0);
  KT_UNROLL
  for (uint32_t g = 0; g < kArrivalGroups; ++g) {
    warp.each([&](uint32_t lane) {
      if (a.rows[g][lane] > 0) a.before[g][lane] = arriveFenced(mem, &st.cellArrivals[a.expert(g, lane)], a.rows[g][lane]);
    });
  }
  warp.sync();
  recordEach(warp, trace, st, a, [&](uint32_t lane, uint32_t g, uint32_t e) {
    const uint32_t before = Arrivals<W>::of(a.before, g, lane);
    trace.recordAt(arrived, EventKind::CellArrive, st.placement.home(e).rank, e, before);
  });
}

/// Signals the cells that this block's arrivals completed, behind one fence for all of them; none: no fence.
template <class M, class W, class X, class T>
KT_HD void signalComplete(M& mem, W& warp, X& transport, T& trace, const DispatchState& st, Arrivals<W>& a) {
  const uint32_t any = warp.ballot([&](uint32_t lane) {
    a.complete[lane] = 0;
    KT_UNROLL
    for (uint32_t g = 0; g < kArrivalGroups; ++g) {
      const uint32_t rows = a.rows[g][lane];
      if (rows > 0 && a.before[g][lane] + rows == st.ownRows[a.expert(g, lane)]) a.complete[lane] |= 1u << g;
    }
    return a.complete[lane] != 0;
  });
  if (any == 0) return;
  passOnArrivals(mem);
  warp.each([&](uint32_t lane) {
    for (uint32_t left = a.complete[lane]; left != 0; left &= left - 1) {
      const uint32_t e = a.expert(lowestBit(left), lane);
      signalCell(mem, transport, trace, st, e);
      setBack<Scope::Device>(mem, &st.cellArrivals[e]);
    }
  });
}

/// Arrives at the cells this block has put rows for, signals those it completes, and sends its share of the no-ops. One warp,
/// after the block barrier that follows the copies. `put(expert)` is the span of the expert's rows that this block has put,
/// perhaps empty. Returns the rows put, in all lanes.
///
/// In steps that the whole warp takes together, so that the trace can be true: lanes have no order among each other, and
/// records of arrivals in any other order than that of the experts could contradict the counters of two blocks.
template <class M, class W, class X, class T, class Put>
KT_HD uint32_t arriveCells(M& mem, W& warp, X& transport, T& trace, const DispatchState& st, Put&& put) {
  typename W::template Var<uint32_t> sum;
  Arrivals<W> a;
  warp.each([&](uint32_t lane) { sum[lane] = 0; });
  for (a.base = 0; a.base < st.shape.experts; a.base += kLanes * kArrivalGroups) {
    if (!takePuts(warp, st, a, sum, put)) continue;
    recordEach(warp, trace, st, a, [&](uint32_t, uint32_t, uint32_t e) {
      const ExpertHome home = st.placement.home(e);
      const RowSpan span = put(e);
      transport.recordRows(trace, home.rank, home.slot, span.begin, span.count);
    });
    arriveTogether(mem, warp, trace, st, a);
    signalComplete(mem, warp, transport, trace, st, a);
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
