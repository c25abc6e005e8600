// A processor block's protocol: wait for a doorbell, execute, report. The arithmetic is the caller's.
//
// Block policy `B`: bool leader(); void sync() (all threads of the block); PickedTask& job() (one a block; written by the leader
// between syncs, read by all). The host explorer runs one leader per block and its sync is a no-op.
#pragma once

#include "kerneltwin/protocol/arrival.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/queue.h"

namespace kerneltwin {

/// What a processor works on: in the block's shared memory on the device, so that it costs the tile no registers.
struct PickedTask {
  Doorbell bell;
  uint32_t rows;
};

struct ProcessorState {
  Shape shape;
  uint32_t index;
  Mailboxes mailboxes;
  bool eager;                  ///< report ready when the doorbell is read, not when the task is finished
  ProcessorQueue queue;
  uint32_t queueIndex;         ///< number of the processors' queue in the trace: the one after the subscribers'
  uint32_t* queueTail;         ///< next ticket, shared by all processors; kept from launch to launch
  uint32_t* rowBlockArrivals;  ///< [rowBlockIndex] GEMM0 tiles finished
  const uint64_t* flags;       ///< this rank's flags: a cell's rows are in its dispatch signal
  const uint32_t* ownRows;     ///< [expert] rows this rank sent
};

/// Rows of the cell a task works on. The dispatch flag cannot change under a task: its sender ends the epoch only after
/// this cell's results came back.
template <class M>
KT_HD uint32_t taskRows(M& mem, const ProcessorState& st, const Task& task) {
  if (task.op == Op::Combine) return st.ownRows[task.expert];
  const uint64_t* flag = &st.flags[dispatchFlag(st.shape, task.peer, task.expert)];
  return unpackSignal(mem.template load<Order::Relaxed, Scope::System>(flag)).rows;
}

/// The leader's report of a finished GEMM0 tile; the last tile of a row block makes its GEMM1 tasks ready. The block's
/// stores are ordered before it by the block barrier and the acq_rel arrival.
template <class M, class T>
KT_HD void finishGemm0(M& mem, T& trace, const ProcessorState& st, uint32_t index, const Task& task) {
  const Shape& s = st.shape;
  const uint32_t rowBlock = rowBlockIndex(s, task.expert, task.peer, task.block);
  const auto finished = trace.stamp();
  const uint32_t before = arrive<Scope::Device>(mem, &st.rowBlockArrivals[rowBlock], 1u, gemm0Cols(s));
  trace.recordAt(finished, EventKind::TaskFinished, 0, index, before);
  if (before + 1 != gemm0Cols(s)) return;
  const uint32_t ticket = mem.template add<Order::Relaxed, Scope::Device>(st.queueTail, 1u);
  const uint32_t first = gemm1Task(s, task.expert, task.peer, task.block, 0);
  trace.record(EventKind::TasksReady, st.queueIndex, first, packReady(gemm1Cols(s), ticket));
  st.queue.publish(mem, ticket, first, gemm1Cols(s));
}

/// The processor's launch. `execute(task, index, rows)` runs on all threads of the block, does the arithmetic, and for
/// GEMM1 delivers the tile and its signal; it must end with the block's stores issued. Returns at the exit doorbell or
/// on abort.
template <class M, class B, class T, class Execute>
KT_HD void runProcessor(M& mem, B& block, T& trace, const ProcessorState& st, Execute&& execute) {
  PickedTask& job = block.job();
  if (block.leader()) job.bell.sequence = openMailbox(mem, st.mailboxes, st.index, st.eager);
  for (;;) {
    if (block.leader()) {
      Doorbell bell;
      if (!awaitDoorbell(mem, st.mailboxes, st.index, job.bell.sequence, bell)) bell.exit = true;
      if (!bell.exit) {
        trace.record(EventKind::TaskConsumed, 0, bell.task, bell.sequence);
        if (st.eager) publishStatus(mem, st.mailboxes, st.index, bell.sequence);
        job.rows = taskRows(mem, st, decodeTask(st.shape, bell.task));
        trace.record(EventKind::TaskStarted, 0, bell.task, bell.sequence);
      }
      job.bell = bell;
    }
    block.sync();
    if (job.bell.exit) break;
    execute(decodeTask(st.shape, job.bell.task), job.bell.task, job.rows);
    block.sync();
    if (block.leader()) {
      const Doorbell bell = job.bell;
      const Task task = decodeTask(st.shape, bell.task);
      if (task.op == Op::Gemm0) finishGemm0(mem, trace, st, bell.task, task);
      else trace.record(EventKind::TaskFinished, 0, bell.task, 0);
      if (!st.eager) publishStatus(mem, st.mailboxes, st.index, bell.sequence);
    }
  }
  if (block.leader()) {
    trace.record(EventKind::Exit, 0, static_cast<uint32_t>(mem.abortCode()), job.bell.sequence);
    if (st.eager) publishStatus(mem, st.mailboxes, st.index, job.bell.sequence);
  }
}

}  // namespace kerneltwin
