// The scheduler warp: sweeps status words and task queues, pairs ready tasks with ready processors, rings doorbells, and
// owns termination.
//
// One iteration is a status sweep (32 processors a load) and placements. Queue entries are opened a hand at a time: every lane
// looks at one entry, several of each queue, so a hand costs one load's latency for up to 32 entries. A hand is placed in
// batches of up to 32 tasks: lane i rings the i-th ready processor with the i-th task, so a batch costs about as much as one
// placement. The next hand is opened when the last one is used up, so no queue waits behind another for more than a hand.
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

/// Tasks [first, first + count) of one opened queue entry.
struct OpenRange {
  uint32_t first;
  uint32_t count;
};

/// The scheduler's running state: the open hand, a range a lane, and counters that are the same in all lanes.
template <class W>
struct SchedulerRun {
  typename W::template Var<OpenRange> range;
  typename W::template Var<uint32_t> start;  ///< tasks of the hand before this lane's range
  uint32_t open = 0;                         ///< tasks of the hand
  uint32_t taken = 0;                        ///< of these, placed
  uint32_t readyHead = 0;
  uint32_t readyCount = 0;
  uint32_t scheduled = 0;
  uint32_t emptySweeps = 0;
};

/// Entries of each queue that a hand may hold: the lanes dealt evenly, up to four, which a scheduler at full speed needs to
/// hide a queue's latency (32 entries a 0.3 us).
KT_HD uint32_t entriesPerQueue(uint32_t queues) {
  const uint32_t each = kLanes / roundUpPow2(queues);
  return each < 4 ? each : 4;
}

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

/// Opens the next hand, when the last one is used up: lane q * n + i looks at the i-th unread entry of queue q. A queue's
/// entries are taken in ticket order up to the first that is not there yet (S10). Returns true when the hand has tasks.
template <class M, class W>
KT_HD bool openHand(M& mem, W& warp, const SchedulerState& st, SchedulerRun<W>& run) {
  const uint32_t each = entriesPerQueue(st.subscribers + 1);
  const uint32_t found = warp.ballot([&](uint32_t lane) {
    const uint32_t q = lane / each;
    run.range[lane] = {0, 0};
    if (q > st.subscribers) return false;
    QueueEntry entry;
    const uint32_t ticket = st.heads[q] + lane % each;
    const bool there = q < st.subscribers ? st.subscriberQueues[q].peek(mem, ticket, entry)
                                          : st.processorQueue.peek(mem, ticket, entry);
    if (there) run.range[lane] = {entry.first, entry.count};
    return there;
  });
  run.open = run.taken = 0;
  if (found == 0) return false;
  warp.each([&](uint32_t lane) {
    const uint32_t q = lane / each;
    const uint32_t missing = ~(found >> (q * each)) | ~lowMask(each);
    const uint32_t inOrder = missing == 0 ? each : lowestBit(missing);
    if (lane % each >= inOrder) run.range[lane] = {0, 0};
    else if (lane % each == 0) st.heads[q] += inOrder;
    run.start[lane] = run.range[lane].count;
  });
  run.open = warp.exclusiveScan(run.start);
  warp.sync();  // the next hand's lanes read heads that lane q * n wrote
  return run.open > 0;
}

/// Finds, for every lane, the task it is to place: number `taken + lane` of the hand. Binary search over the lanes' starts.
template <class W>
KT_HD void dealTasks(W& warp, const SchedulerRun<W>& run, typename W::template Var<uint32_t>& task) {
  typename W::template Var<uint32_t> from, at, probe;
  warp.each([&](uint32_t lane) { from[lane] = 0; });
  KT_UNROLL
  for (uint32_t step = kLanes / 2; step > 0; step /= 2) {
    warp.each([&](uint32_t lane) { at[lane] = from[lane] + step; });
    warp.gather(probe, run.start, at);
    warp.each([&](uint32_t lane) {
      if (probe[lane] <= run.taken + lane) from[lane] = at[lane];
    });
  }
  typename W::template Var<OpenRange> range;
  warp.gather(range, run.range, from);
  warp.gather(probe, run.start, from);
  warp.each([&](uint32_t lane) { task[lane] = range[lane].first + (run.taken + lane - probe[lane]); });
}

/// Places up to 32 tasks of the hand on the processors at the head of the ready queue. Returns how many.
template <class M, class W, class T>
KT_HD uint32_t placeBatch(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun<W>& run) {
  uint32_t batch = run.open - run.taken;
  if (batch > run.readyCount) batch = run.readyCount;
  if (batch > kLanes) batch = kLanes;
  typename W::template Var<uint32_t> task;
  dealTasks(warp, run, task);
  warp.each([&](uint32_t lane) {
    if (lane >= batch) return;
    const uint32_t p = st.readyQueue[(run.readyHead + lane) & st.readyMask];
    const uint32_t sequence = nextSequence(st.slotState[p] >> 1);
    trace.record(EventKind::TaskCommitted, p, task[lane], sequence);
    st.slotState[p] = sequence << 1;
    ringDoorbell(mem, st.mailboxes, p, {task[lane], sequence, false});
  });
  run.taken += batch;
  run.readyHead += batch;
  run.readyCount -= batch;
  run.scheduled += batch;
  warp.sync();  // slotState is swept by other lanes than those that rang
  return batch;
}

/// Places until processors or tasks run out. Returns how many tasks were placed.
template <class M, class W, class T>
KT_HD uint32_t placeTasks(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun<W>& run) {
  uint32_t placed = 0;
  while (run.taken < run.open || openHand(mem, warp, st, run)) {
    if (run.readyCount == 0) break;
    placed += placeBatch(mem, warp, trace, st, run);
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
/// meets the number scheduled, because scheduled <= true total <= bound always (T1). `run` is the caller's, fresh.
template <class M, class W, class T>
KT_HD void runScheduler(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun<W>& run) {
  adoptMailboxes(mem, warp, st);
  const auto readBound = [&] { return mem.template load<Order::Relaxed, Scope::Block>(st.bound.bound); };
  warp.each([&](uint32_t lane) {
    if (lane == 0) trace.record(EventKind::Bound, 0, readBound(), 0);
  });
  warp.spin(mem, [&] {
    sweepStatus(mem, warp, trace, st, run);
    const uint32_t placed = placeTasks(mem, warp, trace, st, run);
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

template <class M, class W, class T>
KT_HD void runScheduler(M& mem, W& warp, T& trace, const SchedulerState& st) {
  SchedulerRun<W> run;
  runScheduler(mem, warp, trace, st, run);
}

}  // namespace kerneltwin
