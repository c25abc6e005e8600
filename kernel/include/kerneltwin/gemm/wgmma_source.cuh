// The mailbox of the protocol as a source of the pipeline: what protocol/processor.h does between doorbell and report, cut at
// the points where tasks overlap. One thread, the clerk, speaks for the processor, so that its trace is one actor's.
//
//   take      a new doorbell: its rows and addresses. To the protocol the task stays in the mailbox: one whose operands stream
//             in early must not make the scheduler commit yet another task to this block.
//   begun     it leaves the mailbox: TaskConsumed; eager readiness frees it here. A tile when half of the copies of the tile
//             before it are issued (`nearEnd` of wgmma_ring.cuh), another task at once: see runClerk.
//   started   all earlier tasks of its stream are finished: TaskStarted, stamped with the moment it began, or that of the last
//             record if later. A COMBINE may overlap tiles; tiles do not overlap tiles, nor COMBINEs COMBINEs.
//   finished  its results are stored: GEMM0 counts its tile, GEMM1 signals it, TaskFinished; lazy readiness frees the mailbox.
//
// Transport policy `X`: protocol/send.h, and bf16* combineTile(dest, slot, row, col).
#pragma once

#include "kerneltwin/gemm/source_state.h"
#include "kerneltwin/protocol/send.h"

namespace kerneltwin {

/// Mailbox polls between two looks at the abort word and the clock.
inline constexpr uint32_t kTakesPerCheck = 32;

template <class M, class T, class X>
struct DoorbellSource {
  M& mem;
  T& trace;
  X& transport;
  const SourceState& st;
  uint32_t last;               ///< sequence of the last doorbell taken
  uint32_t takes = 0;
  typename T::Stamp latest{};  ///< of the last record

  KT_DEVICE DoorbellSource(M& m, T& t, X& x, const SourceState& s)
      : mem(m), trace(t), transport(x), st(s),
        last(openMailbox(m, s.processor.mailboxes, s.processor.index, s.processor.eager)) {}

  KT_DEVICE bool take(TileTask& task) {
    const ProcessorState& p = st.processor;
    const uint64_t* word = &p.mailboxes.doorbells[p.index * kDoorbellStride];
    const Doorbell bell = unpackDoorbell(mem.template load<Order::Acquire, Scope::Device>(word));
    task.kind = TaskKind::Exit;
    if (bell.sequence == last) return ++takes % kTakesPerCheck == 0 && mem.aborted();
    last = bell.sequence;
    if (bell.exit) return true;
    describe(bell, task);
    return true;
  }

  KT_DEVICE void begun(const TileTask& task) {
    trace.record(EventKind::TaskConsumed, 0, task.index, task.sequence);
    latest = trace.stamp();
    if (st.processor.eager) publishStatus(mem, st.processor.mailboxes, st.processor.index, task.sequence);
  }

  KT_DEVICE void started(const TileTask& task, uint64_t at) {
    if (at > latest) latest = at;
    trace.recordAt(latest, EventKind::TaskStarted, 0, task.index, task.sequence);
  }

  KT_DEVICE void finished(const TileTask& task) {
    const ProcessorState& p = st.processor;
    const Task t = decodeTask(p.shape, task.index);
    if (t.op == Op::Gemm0) {
      finishGemm0(mem, trace, p, task.index, t);
    } else {
      if (t.op == Op::Gemm1) deliver(t);
      trace.record(EventKind::TaskFinished, 0, task.index, 0);
    }
    latest = trace.stamp();
    if (!p.eager) publishStatus(mem, p.mailboxes, p.index, task.sequence);
  }

  /// After runClerk: the processor's last word.
  KT_DEVICE void close() {
    const ProcessorState& p = st.processor;
    trace.record(EventKind::Exit, 0, static_cast<uint32_t>(mem.abortCode()), last);
    if (p.eager) publishStatus(mem, p.mailboxes, p.index, last);
  }

 private:
  KT_DEVICE void describe(const Doorbell& bell, TileTask& task) {
    const ProcessorState& p = st.processor;
    const Task t = decodeTask(p.shape, bell.task);
    const uint32_t rows = taskRows(mem, p, t);
    if (t.op == Op::Gemm0) {
      gemm0Tile(p.shape, st.places, t, bell.task, rows, task);
    } else if (t.op == Op::Gemm1) {
      const RowSpan span = rowSpan(p.shape, rows, t.block);
      gemm1Tile(p.shape, st.places, t, bell.task, rows, transport.combineTile(t.peer, t.expert, span.begin, t.col), task);
    } else {
      task.kind = TaskKind::Other;
      task.index = bell.task;
      task.rows = rows;
    }
    task.sequence = bell.sequence;
  }

  /// The tile's rows are at their home; says so there.
  KT_DEVICE void deliver(const Task& t) {
    const Shape& s = st.processor.shape;
    const uint32_t rows = taskRows(mem, st.processor, t);
    const RowSpan span = rowSpan(s, rows, t.block);
    const uint64_t cell = cellIndex(s, st.rank, Round::Combine, Stage::Incoming, t.expert);
    trace.record(EventKind::Put, t.peer, static_cast<uint32_t>(heapRow(s, cell, span.begin)),
                 packPut(span.count, t.col + 1));
    signalTile(mem, transport, trace, s, st.placement, st.rank, st.epoch, t, rows);
  }
};

}  // namespace kerneltwin
