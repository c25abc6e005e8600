// The scheduler warp: sweeps status words and task queues, pairs ready tasks with ready processors, rings doorbells, and
// owns termination.
//
// One iteration is a status sweep (32 processors a load), a queue sweep (one queue a lane), and placements in batches of up
// to 32 from one queue entry: lane i rings the i-th ready processor with the i-th task, so a batch costs about as much as
// one placement.
#pragma once

#include "kerneltwin/protocol/bound.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/queue.h"

namespace kerneltwin {

/// Subscribers' queues plus the processors' queue must not exceed one lane each.
inline constexpr uint32_t kMaxQueues = kLanes;

/// What the scheduler knows and owns. Arrays are private to its warp unless said otherwise.
struct SchedulerState {
  uint32_t processors;
  uint32_t subscribers;
  Mailboxes mailboxes;
  SubscriberQueue* subscriberQueues;  ///< [subscribers]
  ProcessorQueue processorQueue;
  uint32_t* heads;                    ///< [subscribers + 1] next ticket of each queue; kept from launch to launch
  uint32_t* slotState;                ///< [processors] last sequence rung << 1 | 1 if in the ready queue
  uint32_t* readyQueue;               ///< ring of processors; `readyMask + 1` >= processors entries
  uint32_t readyMask;
  BoundWords bound;
  uint32_t* interrupted;              ///< read by the subscribers
};

/// A queue's open range: tasks [first, first + count) that wait for processors.
struct OpenRange {
  uint32_t first;
  uint32_t count;
};

/// The scheduler's running state, the same in all lanes, and one open range a lane.
template <class W>
struct SchedulerRun {
  typename W::template Var<OpenRange> range;
  uint32_t readyHead = 0;
  uint32_t readyCount = 0;
  uint32_t scheduled = 0;
  uint32_t turn = 0;         ///< queue to serve first; moves on so that no queue starves
  uint32_t emptySweeps = 0;
};

/// Adopts the sequences the last launch left.
template <class M, class W>
KT_HD void adoptMailboxes(M& mem, W& warp, const SchedulerState& st) {
  for (uint32_t base = 0; base < st.processors; base += kLanes) {
    warp.each([&](uint32_t lane) {
      const uint32_t p = base + lane;
      if (p < st.processors) st.slotState[p] = lastRung(mem, st.mailboxes, p) << 1;
    });
  }
  warp.sync();
}

/// Batches of 32 processors whose status loads are in flight together.
inline constexpr uint32_t kSweepBatches = 4;

/// Appends the processors of one batch whose mailbox is free to the ready queue, in lane order.
template <class W, class T>
KT_HD void appendReady(W& warp, T& trace, const SchedulerState& st, SchedulerRun<W>& run, uint32_t base,
                       uint32_t freed) {
  warp.each([&](uint32_t lane) {
    if (!(freed >> lane & 1)) return;
    const uint32_t p = base + lane;
    const uint32_t place = run.readyCount + countBits(freed & lowMask(lane));
    st.readyQueue[(run.readyHead + place) & st.readyMask] = p;
    trace.record(EventKind::ProcessorReady, p, st.slotState[p] >> 1, 0);
    st.slotState[p] |= 1;
  });
  run.readyCount += countBits(freed);
}

/// Status sweep: every processor with a free mailbox that is not yet in the ready queue joins it (S7). The last batch
/// is partial when processors are not a multiple of 32; its lanes still take part in the ballot.
template <class M, class W, class T>
KT_HD void sweepStatus(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun<W>& run) {
  for (uint32_t base = 0; base < st.processors; base += kSweepBatches * kLanes) {
    typename W::template Var<uint32_t> seen[kSweepBatches];
    KT_UNROLL
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      warp.each([&](uint32_t lane) {
        const uint32_t p = base + j * kLanes + lane;
        seen[j][lane] = p < st.processors ? readStatus(mem, st.mailboxes, p) : 0;
      });
    }
    KT_UNROLL
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      const uint32_t freed = warp.ballot([&](uint32_t lane) {
        const uint32_t p = base + j * kLanes + lane;
        return p < st.processors && seen[j][lane] << 1 == st.slotState[p];
      });
      if (freed != 0) appendReady(warp, trace, st, run, base + j * kLanes, freed);
    }
  }
  warp.sync();  // lanes will read ready-queue entries that other lanes wrote
}

/// Opens the next entry of the calling lane's queue when its open range is used up. True: the queue has tasks.
template <class M, class W>
KT_HD bool refill(M& mem, const SchedulerState& st, SchedulerRun<W>& run, uint32_t lane) {
  if (lane > st.subscribers) return false;
  if (run.range[lane].count > 0) return true;
  QueueEntry entry;
  const bool found = lane < st.subscribers ? st.subscriberQueues[lane].peek(mem, st.heads[lane], entry)
                                           : st.processorQueue.peek(mem, st.heads[lane], entry);
  if (!found) return false;
  ++st.heads[lane];
  run.range[lane] = {entry.first, entry.count};
  return true;
}

/// Queue sweep: lane q looks at queue q. Returns the queues with tasks.
template <class M, class W>
KT_HD uint32_t sweepQueues(M& mem, W& warp, const SchedulerState& st, SchedulerRun<W>& run) {
  return warp.ballot([&](uint32_t lane) { return refill(mem, st, run, lane); });
}

/// Places up to 32 tasks of queue `q` on the processors at the head of the ready queue. Returns how many.
template <class M, class W, class T>
KT_HD uint32_t placeBatch(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun<W>& run, uint32_t q) {
  const OpenRange open = warp.broadcast(run.range, q);
  uint32_t batch = open.count < run.readyCount ? open.count : run.readyCount;
  if (batch > kLanes) batch = kLanes;
  warp.each([&](uint32_t lane) {
    if (lane >= batch) return;
    const uint32_t p = st.readyQueue[(run.readyHead + lane) & st.readyMask];
    const uint32_t task = open.first + lane;
    const uint32_t sequence = nextSequence(st.slotState[p] >> 1);
    trace.record(EventKind::TaskCommitted, p, task, sequence);
    st.slotState[p] = sequence << 1;
    ringDoorbell(mem, st.mailboxes, p, {task, sequence, false});
  });
  warp.each([&](uint32_t lane) {
    if (lane == q) run.range[lane] = {open.first + batch, open.count - batch};
  });
  run.readyHead += batch;
  run.readyCount -= batch;
  run.scheduled += batch;
  warp.sync();  // slotState is swept by other lanes than those that rang
  return batch;
}

/// Serves the queues in turn until processors or tasks run out. A queue whose open range is used up is looked at again at
/// once: waiting for the next sweep would place one entry a queue and sweep, however many processors are ready.
template <class M, class W, class T>
KT_HD uint32_t placeTasks(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun<W>& run,
                          uint32_t queuesWithTasks) {
  uint32_t placed = 0;
  while (queuesWithTasks != 0 && run.readyCount > 0) {
    const uint32_t later = queuesWithTasks & ~lowMask(run.turn);
    const uint32_t q = lowestBit(later != 0 ? later : queuesWithTasks);
    placed += placeBatch(mem, warp, trace, st, run, q);
    if (warp.broadcast(run.range, q).count > 0) continue;
    run.turn = (q + 1) % (st.subscribers + 1);
    const uint32_t refilled = warp.ballot([&](uint32_t lane) { return lane == q && refill(mem, st, run, lane); });
    if (refilled == 0) queuesWithTasks &= ~(1u << q);
  }
  return placed;
}

/// Rings the exit doorbell of every processor once its mailbox is free. A processor in the ready queue is free already.
template <class M, class W, class T>
KT_HD void interruptProcessors(M& mem, W& warp, T& trace, const SchedulerState& st) {
  for (uint32_t base = 0; base < st.processors; base += kLanes) {
    uint32_t waiting = lowMask(st.processors - base);
    const uint32_t all = waiting;
    warp.spin(mem, [&] {
      waiting &= ~warp.ballot([&](uint32_t lane) {
        if (!(waiting >> lane & 1)) return false;
        const uint32_t p = base + lane;
        return (st.slotState[p] & 1) || readStatus(mem, st.mailboxes, p) == st.slotState[p] >> 1;
      });
      return waiting == 0;
    });
    warp.each([&](uint32_t lane) {
      if (!((all & ~waiting) >> lane & 1)) return;
      const uint32_t p = base + lane;
      const uint32_t sequence = nextSequence(st.slotState[p] >> 1);
      trace.record(EventKind::Interrupt, p, 0, sequence);
      ringDoorbell(mem, st.mailboxes, p, {0, sequence, true});
    });
  }
}

template <class M, class W, class T>
KT_HD void interruptSubscribers(M& mem, W& warp, T& trace, const SchedulerState& st) {
  warp.each([&](uint32_t lane) {
    if (lane != 0) return;
    for (uint32_t i = 0; i < st.subscribers; ++i) trace.record(EventKind::Interrupt, 0x8000 + i, 0, 0);
    mem.template store<Order::Release, Scope::Block>(st.interrupted, 1u);
  });
}

/// The scheduler's launch. Leaves when every task of the epoch is scheduled: the bound only falls, and is exact once it
/// meets the number scheduled, because scheduled <= true total <= bound always (T1).
template <class M, class W, class T>
KT_HD void runScheduler(M& mem, W& warp, T& trace, const SchedulerState& st) {
  SchedulerRun<W> run;
  warp.each([&](uint32_t lane) { run.range[lane] = {0, 0}; });
  adoptMailboxes(mem, warp, st);
  const auto readBound = [&] { return mem.template load<Order::Relaxed, Scope::Block>(st.bound.bound); };
  warp.each([&](uint32_t lane) {
    if (lane == 0) trace.record(EventKind::Bound, 0, readBound(), 0);
  });
  warp.spin(mem, [&] {
    sweepStatus(mem, warp, trace, st, run);
    const uint32_t placed = placeTasks(mem, warp, trace, st, run, sweepQueues(mem, warp, st, run));
    if (placed == 0) {
      ++run.emptySweeps;
    } else {
      warp.each([&](uint32_t lane) {
        if (lane == 0) trace.record(EventKind::Sweep, placed & 0xffff, run.emptySweeps, 0);
      });
      run.emptySweeps = 0;
    }
    return warp.ballot([&](uint32_t lane) { return lane == 0 && run.scheduled == readBound(); }) != 0;
  });
  warp.each([&](uint32_t lane) {
    if (lane == 0) trace.record(EventKind::Bound, 0, readBound(), run.scheduled);
  });
  interruptSubscribers(mem, warp, trace, st);
  interruptProcessors(mem, warp, trace, st);
  warp.each([&](uint32_t lane) {
    if (lane == 0) trace.record(EventKind::Exit, 0, static_cast<uint32_t>(mem.abortCode()), 0);
  });
}

}  // namespace kerneltwin
