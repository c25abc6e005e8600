// The scheduler warp: sweeps status words and task queues, pairs ready tasks with ready processors, rings doorbells, and
// owns termination.
//
// One iteration loads the status words and a hand of queue entries in one flight (every lane looks at one entry, several of each
// queue), moves what it found into its own books, and places tasks in batches of up to 32: lane i rings the i-th processor with
// the i-th task, so a batch costs about as much as one placement. One fence a hand stands between all its entries and all
// doorbells that follow: a release a doorbell would cost each batch a round trip to memory. The next flight leaves before the
// placements, which it overlaps: what it reads may be older than they are, and is then seen one iteration later.
//
// The books, and which class of tasks goes to which processor next: scheduling.h.
#pragma once

#include "kerneltwin/layout/task.h"
#include "kerneltwin/protocol/bound.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/queue.h"
#include "kerneltwin/protocol/scheduling.h"

namespace kerneltwin {

/// Subscribers' queues plus the processors' queue must not exceed one lane each.
inline constexpr uint32_t kMaxQueues = kLanes;

/// Tasks [first, first + count) of one queue entry.
struct OpenRange {
  uint32_t first;
  uint32_t count;
};

/// What the scheduler knows and owns. Arrays are private to its warp unless said otherwise.
struct SchedulerState {
  Scheduling scheduling;
  uint32_t firstGemm1;                ///< number of the first GEMM1 task
  uint32_t firstCombine;
  uint32_t processors;
  uint32_t subscribers;
  Mailboxes mailboxes;
  SubscriberQueue* subscriberQueues;  ///< [subscribers]
  ProcessorQueue processorQueue;
  uint32_t* heads;                    ///< [subscribers + 1] next ticket of each queue; kept from launch to launch
  uint32_t* slotState;                ///< [processors] last sequence rung << 1 | 1 if in a ready list
  uint32_t* tileDue;                  ///< [processors] 1 after a COMBINE, when the policy alternates
  uint32_t* readyLists;               ///< [kReadyLists][readyMask + 1] rings of processors; `readyMask + 1` >= processors
  uint32_t readyMask;
  uint32_t* backlogs;                 ///< [kTaskClasses][backlogRoom] rings of tasks
  uint32_t backlogRoom;               ///< a power of two, at least a hand and any entry: an entry that does not fit stays in its queue
  BoundWords bound;
  uint32_t* interrupted;              ///< read by the subscribers
};

/// Batches of 32 processors whose status loads are in flight together: all of an H200's with one block an SM.
inline constexpr uint32_t kSweepBatches = 5;

/// Words on their way: queue entries, one a lane, and status words.
template <class W>
struct Flight {
  typename W::template Var<uint64_t> entry;
  typename W::template Var<uint32_t> status[kSweepBatches];
  bool hand;  ///< the entries were looked at
};

/// Entries of each queue that a hand may hold: the lanes dealt evenly, up to four, which a scheduler at full speed needs to
/// hide a queue's latency.
KT_HD uint32_t entriesPerQueue(uint32_t queues) {
  const uint32_t each = kLanes / roundUpPow2(queues);
  return each < 4 ? each : 4;
}

/// Adopts the sequences the last launch left.
template <class M, class W>
KT_HD void adoptMailboxes(M& mem, W& warp, const SchedulerState& st) {
  for (uint32_t base = 0; base < st.processors; base += kSweepBatches * kLanes) {
    typename W::template Var<uint32_t> last[kSweepBatches];
    KT_UNROLL
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      warp.each([&](uint32_t lane) {
        const uint32_t p = base + j * kLanes + lane;
        last[j][lane] = p < st.processors ? lastRung(mem, st.mailboxes, p) : 0;
      });
    }
    KT_UNROLL
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      warp.each([&](uint32_t lane) {
        const uint32_t p = base + j * kLanes + lane;
        if (p >= st.processors) return;
        st.slotState[p] = last[j][lane] << 1;
        st.tileDue[p] = 0;
      });
    }
  }
  warp.sync();
}

/// The backlog a task goes to. Under Fifo all share one, which keeps their order.
KT_HD uint32_t backlogOf(const SchedulerState& st, uint32_t task) {
  if (st.scheduling == Scheduling::Fifo) return 0;
  return (task >= st.firstGemm1) + (task >= st.firstCombine);
}

/// Loads the status words of up to kSweepBatches * 32 processors from `base`.
template <class M, class W>
KT_HD void loadStatus(M& mem, W& warp, const SchedulerState& st, uint32_t base, Flight<W>& flight) {
  KT_UNROLL
  for (uint32_t j = 0; j < kSweepBatches; ++j) {
    warp.each([&](uint32_t lane) {
      const uint32_t p = base + j * kLanes + lane;
      flight.status[j][lane] = p < st.processors ? readStatus(mem, st.mailboxes, p) : 0;
    });
  }
}

/// Starts a flight: the queues' next entries, and the status words of the first processors. Fifo leaves entries in their queues while it
/// has tasks for all processors: what it finds later is placed later.
template <class M, class W>
KT_HD void launchFlight(M& mem, W& warp, const SchedulerState& st, const SchedulerRun& run, Flight<W>& flight) {
  const uint32_t each = entriesPerQueue(st.subscribers + 1);
  flight.hand = st.scheduling != Scheduling::Fifo || run.backlog[0].count() < st.processors;
  warp.each([&](uint32_t lane) {
    const uint32_t q = lane / each;
    flight.entry[lane] = 0;
    if (!flight.hand || q > st.subscribers) return;
    const uint32_t ticket = st.heads[q] + lane % each;
    flight.entry[lane] = q < st.subscribers ? st.subscriberQueues[q].look(mem, ticket) : st.processorQueue.look(mem, ticket);
  });
  loadStatus(mem, warp, st, 0, flight);
}

/// Appends the processors of one batch whose mailbox is free to their ready lists, in lane order.
template <class W, class T>
KT_HD void appendReady(W& warp, T& trace, const SchedulerState& st, SchedulerRun& run, uint32_t base, uint32_t freed) {
  uint32_t due = 0;
  if (st.scheduling == Scheduling::Interleave) {
    due = warp.ballot([&](uint32_t lane) { return (freed >> lane & 1) && st.tileDue[base + lane] != 0; });
  }
  warp.each([&](uint32_t lane) {
    if (!(freed >> lane & 1)) return;
    const uint32_t p = base + lane;
    const uint32_t list = due >> lane & 1;
    const uint32_t place = (list != 0 ? run.ready[1].tail : run.ready[0].tail) + countBits((list != 0 ? due : freed & ~due) & lowMask(lane));
    st.readyLists[list * (st.readyMask + 1) + (place & st.readyMask)] = p;
    trace.record(EventKind::ProcessorReady, p, st.slotState[p] >> 1, 0);
    st.slotState[p] |= 1;
  });
  run.ready[0].tail += countBits(freed & ~due);
  run.ready[1].tail += countBits(due);
}

/// Every processor with a free mailbox that is not yet in a ready list joins one (S7). The last batch is partial when processors
/// are not a multiple of 32; its lanes still take part in the ballot.
template <class M, class W, class T>
KT_HD void takeStatus(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun& run, Flight<W>& flight) {
  for (uint32_t base = 0; base < st.processors; base += kSweepBatches * kLanes) {
    if (base > 0) loadStatus(mem, warp, st, base, flight);
    KT_UNROLL
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      if (base + j * kLanes >= st.processors) break;
      const uint32_t freed = warp.ballot([&](uint32_t lane) {
        const uint32_t p = base + j * kLanes + lane;
        return p < st.processors && flight.status[j][lane] << 1 == st.slotState[p];
      });
      if (freed != 0) appendReady(warp, trace, st, run, base + j * kLanes, freed);
    }
  }
  warp.sync();  // lanes will read ready lists that other lanes wrote
}

/// Finds the hand's entries that are there: of each queue, in ticket order up to the first that is not (S10). Moves their tasks
/// into the backlogs as far as there is room.
template <class M, class W>
KT_HD void takeHand(M& mem, W& warp, const SchedulerState& st, SchedulerRun& run, Flight<W>& flight) {
  const uint32_t each = entriesPerQueue(st.subscribers + 1);
  typename W::template Var<OpenRange> range;
  const uint32_t found = warp.ballot([&](uint32_t lane) {
    const uint32_t q = lane / each;
    const QueueEntry entry = unpackEntry(flight.entry[lane]);
    range[lane] = {entry.first, entry.count};
    return q <= st.subscribers && entry.tag == queueTag(st.heads[q] + lane % each);
  });
  if (found == 0) return;
  fenceHand(mem);
  uint32_t taken = warp.ballot([&](uint32_t lane) {
    const uint32_t upToHere = lowMask(lane % each + 1);
    return (found >> (lane / each * each) & upToHere) == upToHere;
  });
  // COMBINE tasks mostly come alone: those of all lanes at once.
  uint32_t alone = 0;
  const RingSpan combine = run.backlog[kTaskClasses - 1];
  if (st.scheduling != Scheduling::Fifo && st.backlogRoom - combine.count() >= kLanes) {
    const uint32_t single = warp.ballot([&](uint32_t lane) {
      return (taken >> lane & 1) && range[lane].count == 1 && backlogOf(st, range[lane].first) == kTaskClasses - 1;
    });
    // Not behind another entry of its queue, which might find no room and stay.
    alone = warp.ballot([&](uint32_t lane) {
      const uint32_t upToHere = lowMask(lane % each + 1);
      return (single >> (lane / each * each) & upToHere) == upToHere;
    });
    warp.each([&](uint32_t lane) {
      if (!(alone >> lane & 1)) return;
      const uint32_t place = combine.tail + countBits(alone & lowMask(lane));
      st.backlogs[(kTaskClasses - 1) * st.backlogRoom + (place & (st.backlogRoom - 1))] = range[lane].first;
    });
    run.backlog[kTaskClasses - 1].tail += countBits(alone);
  }
  for (uint32_t rest = taken & ~alone; rest != 0;) {
    const uint32_t source = lowestBit(rest);
    const OpenRange tasks = warp.broadcast(range, source);
    const uint32_t c = backlogOf(st, tasks.first);
    const RingSpan backlog = spanOf(run.backlog, c);
    rest &= rest - 1;
    if (st.backlogRoom - backlog.count() < tasks.count) {
      const uint32_t behind = lowMask(each) << (source / each * each) & ~lowMask(source);
      taken &= ~behind;
      rest &= ~behind;
      continue;
    }
    warp.each([&](uint32_t lane) {
      for (uint32_t i = lane; i < tasks.count; i += kLanes) {
        st.backlogs[c * st.backlogRoom + ((backlog.tail + i) & (st.backlogRoom - 1))] = tasks.first + i;
      }
    });
    moveTail(run.backlog, c, tasks.count);
  }
  warp.each([&](uint32_t lane) {
    if (lane % each == 0 && lane / each <= st.subscribers) st.heads[lane / each] += countBits(taken >> lane & lowMask(each));
  });
  warp.sync();  // heads and backlogs are read by other lanes than those that wrote them
}

/// Places up to 32 tasks of one backlog on the processors at the head of one list. Returns how many.
template <class M, class W, class T>
KT_HD uint32_t placeBatch(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun& run, const Pairing& pairing) {
  const uint32_t batch = pairing.most < kLanes ? pairing.most : kLanes;
  const uint32_t firstTask = spanOf(run.backlog, pairing.backlog).head;
  const uint32_t firstReady = spanOf(run.ready, pairing.list).head;
  const bool alternates = st.scheduling == Scheduling::Interleave;
  warp.each([&](uint32_t lane) {
    if (lane >= batch) return;
    const uint32_t p = st.readyLists[pairing.list * (st.readyMask + 1) + ((firstReady + lane) & st.readyMask)];
    const uint32_t task = st.backlogs[pairing.backlog * st.backlogRoom + ((firstTask + lane) & (st.backlogRoom - 1))];
    const uint32_t sequence = nextSequence(st.slotState[p] >> 1);
    trace.record(EventKind::TaskCommitted, p, task, sequence);
    st.slotState[p] = sequence << 1;
    if (alternates) st.tileDue[p] = pairing.backlog == static_cast<uint32_t>(Op::Combine);
    ringFenced(mem, st.mailboxes, p, {task, sequence, false});
  });
  KT_UNROLL
  for (uint32_t c = 0; c < kTaskClasses; ++c) run.backlog[c].head += c == pairing.backlog ? batch : 0;
  KT_UNROLL
  for (uint32_t l = 0; l < kReadyLists; ++l) run.ready[l].head += l == pairing.list ? batch : 0;
  run.scheduled += batch;
  return batch;
}

/// Places until processors or tasks run out. Returns how many tasks were placed.
template <class M, class W, class T>
KT_HD uint32_t placeTasks(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun& run) {
  uint32_t placed = 0;
  for (Pairing pairing = nextPairing(st.scheduling, run); pairing.most > 0; pairing = nextPairing(st.scheduling, run)) {
    placed += placeBatch(mem, warp, trace, st, run, pairing);
  }
  warp.sync();  // slotState is swept by other lanes than those that rang
  return placed;
}

/// Sweeps and places until a sweep places nothing.
template <class M, class W, class T>
KT_HD void sweep(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun& run) {
  Flight<W> flight;
  launchFlight(mem, warp, st, run, flight);
  for (;;) {
    takeStatus(mem, warp, trace, st, run, flight);
    if (flight.hand) takeHand(mem, warp, st, run, flight);
    if (nextPairing(st.scheduling, run).most == 0) break;
    launchFlight(mem, warp, st, run, flight);
    const uint32_t placed = placeTasks(mem, warp, trace, st, run);
    warp.each([&](uint32_t lane) {
      if (lane == 0) trace.record(EventKind::Sweep, placed & 0xffff, run.emptySweeps, 0);
    });
    run.emptySweeps = 0;
  }
  ++run.emptySweeps;
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
KT_HD void runScheduler(M& mem, W& warp, T& trace, const SchedulerState& st, SchedulerRun& run) {
  adoptMailboxes(mem, warp, st);
  const auto readBound = [&] { return mem.template load<Order::Relaxed, Scope::Block>(st.bound.bound); };
  warp.each([&](uint32_t lane) {
    if (lane == 0) trace.record(EventKind::Bound, 0, readBound(), 0);
  });
  warp.spin(mem, [&] {
    sweep(mem, warp, trace, st, run);
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
  SchedulerRun run;
  runScheduler(mem, warp, trace, st, run);
}

}  // namespace kerneltwin
