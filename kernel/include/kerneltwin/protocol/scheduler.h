// The scheduler warp: sweeps status words and task queues, pairs ready tasks with ready processors, rings doorbells, and
// owns termination.
//
// One iteration loads the status words and a hand of queue entries in one flight (hand.h: every lane looks at one entry,
// several of each queue), moves what it found into its own books, and places tasks in batches of up to 32: lane i rings the i-th processor with
// the i-th task, so a batch costs about as much as one placement. One fence a hand stands between all its entries and all
// doorbells that follow: a release a doorbell would cost each batch a round trip to memory. The next flight leaves before the
// placements, which it overlaps: what it reads may be older than they are, and is then seen one iteration later.
//
// The books, and which class of tasks goes to which processor next: scheduling.h.
#pragma once

#include "kerneltwin/layout/task.h"
#include "kerneltwin/protocol/bound.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/hand.h"
#include "kerneltwin/protocol/queue.h"
#include "kerneltwin/protocol/record_if.h"
#include "kerneltwin/protocol/scheduling.h"

namespace kerneltwin {

/// Tasks [first, first + count) of one queue entry, and the backlog they go to.
struct OpenRange {
  uint32_t first;
  uint32_t count;
  uint32_t backlog;
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
  const HandLanes lanes = handLanes(st.subscribers, st.processorQueue.mask + 1);
  flight.hand = st.scheduling != Scheduling::Fifo || run.backlog[0].count() < st.processors;
  warp.each([&](uint32_t lane) {
    const uint32_t q = lanes.queueOf(lane);
    const uint32_t ticket = st.heads[q] + lanes.nth(lane);
    flight.entry[lane] = 0;
    if (!flight.hand || lane >= lanes.used) return;
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
    const bool mine = freed >> lane & 1;
    const uint32_t p = base + lane;
    const uint32_t state = mine ? st.slotState[p] : 0;
    recordIf(trace, mine, EventKind::ProcessorReady, p, state >> 1, 0);
    if (!mine) return;
    const uint32_t list = due >> lane & 1;
    const uint32_t tail = list != 0 ? run.ready[1].tail : run.ready[0].tail;
    const uint32_t joining = list != 0 ? due : freed & ~due;
    const uint32_t place = tail + countBits(joining & lowMask(lane));
    st.readyLists[list * (st.readyMask + 1) + (place & st.readyMask)] = p;
    st.slotState[p] = state | 1;
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
    uint32_t freed[kSweepBatches];  // all first: the loads of one batch do not wait for the stores of another
    KT_UNROLL
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      freed[j] = warp.ballot([&](uint32_t lane) {
        const uint32_t p = base + j * kLanes + lane;
        return p < st.processors && flight.status[j][lane] << 1 == st.slotState[p];
      });
    }
    KT_UNROLL
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      if (freed[j] != 0) appendReady(warp, trace, st, run, base + j * kLanes, freed[j]);
    }
  }
  warp.sync();  // lanes will read ready lists that other lanes wrote
}

/// Bits of a class's number of tasks where those of all classes are summed in one word: 32 entries of up to 4,095 tasks need 17.
inline constexpr uint32_t kClassBits = 21;
static_assert(kClassBits * kTaskClasses <= 64 && (kLanes << kReadyCountBits) < (1u << kClassBits));

KT_HD uint32_t tasksOfClass(uint64_t sums, uint32_t c) { return static_cast<uint32_t>(sums >> (c * kClassBits)) & ((1u << kClassBits) - 1); }

/// Finds the hand's entries that are there: of each queue, in ticket order up to the first that is not (S10). Moves their tasks
/// into the backlogs, in lane order; an entry that finds no room stays in its queue, and so do those behind it. All lanes at
/// once: one entry after the other costs 0.3 us each on an H200.
template <class M, class W>
KT_HD void takeHand(M& mem, W& warp, const SchedulerState& st, SchedulerRun& run, Flight<W>& flight) {
  const HandLanes lanes = handLanes(st.subscribers, st.processorQueue.mask + 1);
  typename W::template Var<OpenRange> range;
  const uint32_t found = warp.ballot([&](uint32_t lane) {
    const QueueEntry entry = unpackEntry(flight.entry[lane]);
    range[lane] = {entry.first, entry.count, backlogOf(st, entry.first)};
    return lane < lanes.used && entry.tag == queueTag(st.heads[lanes.queueOf(lane)] + lanes.nth(lane));
  });
  if (found == 0) return;
  fenceHand(mem);
  uint32_t taken = warp.ballot([&](uint32_t lane) { return (found & lanes.upTo(lane)) == lanes.upTo(lane); });
  typename W::template Var<uint64_t> place;
  uint64_t sums = 0;
  for (;;) {
    warp.each([&](uint32_t lane) {
      const uint64_t count = taken >> lane & 1 ? range[lane].count : 0;
      place[lane] = count << (range[lane].backlog * kClassBits);
    });
    sums = warp.exclusiveScan(place);
    const uint32_t over = warp.ballot([&](uint32_t lane) {
      const uint32_t c = range[lane].backlog;
      const uint32_t room = st.backlogRoom - spanOf(run.backlog, c).count();
      return (taken >> lane & 1) && tasksOfClass(place[lane], c) + range[lane].count > room;
    });
    if (over == 0) break;
    taken = warp.ballot([&](uint32_t lane) { return (taken >> lane & 1) && (over & lanes.upTo(lane)) == 0; });
  }
  warp.each([&](uint32_t lane) {
    if (!(taken >> lane & 1)) return;
    const uint32_t c = range[lane].backlog;
    const uint32_t at = spanOf(run.backlog, c).tail + tasksOfClass(place[lane], c);
    for (uint32_t i = 0; i < range[lane].count; ++i) {
      st.backlogs[c * st.backlogRoom + ((at + i) & (st.backlogRoom - 1))] = range[lane].first + i;
    }
  });
  KT_UNROLL
  for (uint32_t c = 0; c < kTaskClasses; ++c) run.backlog[c].tail += tasksOfClass(sums, c);
  warp.each([&](uint32_t lane) {
    if (lane <= st.subscribers) st.heads[lane] += countBits(taken & lanes.lanesOf(lane));
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
    const bool mine = lane < batch;
    uint32_t p = 0;
    uint32_t task = 0;
    uint32_t sequence = 0;
    if (mine) {
      p = st.readyLists[pairing.list * (st.readyMask + 1) + ((firstReady + lane) & st.readyMask)];
      task = st.backlogs[pairing.backlog * st.backlogRoom + ((firstTask + lane) & (st.backlogRoom - 1))];
      sequence = nextSequence(st.slotState[p] >> 1);
    }
    recordIf(trace, mine, EventKind::TaskCommitted, p, task, sequence);
    if (!mine) return;
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
  for (;;) {
    const Pairing pairing = nextPairing(st.scheduling, run, st.processors);
    if (pairing.most == 0) break;
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
    if (nextPairing(st.scheduling, run, st.processors).most == 0) break;
    launchFlight(mem, warp, st, run, flight);
    const uint32_t placed = placeTasks(mem, warp, trace, st, run);
    warp.each([&](uint32_t lane) {
      recordIf(trace, lane == 0, EventKind::Sweep, placed & 0xffff, run.emptySweeps, 0);
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
      const bool mine = (all & ~waiting) >> lane & 1;
      const uint32_t p = base + lane;
      const uint32_t sequence = mine ? nextSequence(st.slotState[p] >> 1) : 0;
      recordIf(trace, mine, EventKind::Interrupt, p, 0, sequence);
      if (!mine) return;
      ringDoorbell(mem, st.mailboxes, p, {0, sequence, true});
    });
  }
}

template <class M, class W, class T>
KT_HD void interruptSubscribers(M& mem, W& warp, T& trace, const SchedulerState& st) {
  warp.each([&](uint32_t lane) {
    for (uint32_t i = 0; i < st.subscribers; ++i) {
      recordIf(trace, lane == 0, EventKind::Interrupt, 0x8000 + i, 0, 0);
    }
    if (lane != 0) return;
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
    recordIf(trace, lane == 0, EventKind::Bound, 0, lane == 0 ? readBound() : 0, 0);
  });
  warp.spin(mem, [&] {
    sweep(mem, warp, trace, st, run);
    return warp.ballot([&](uint32_t lane) { return lane == 0 && run.scheduled == readBound(); }) != 0;
  });
  warp.each([&](uint32_t lane) {
    recordIf(trace, lane == 0, EventKind::Bound, 0, lane == 0 ? readBound() : 0, run.scheduled);
  });
  interruptSubscribers(mem, warp, trace, st);
  interruptProcessors(mem, warp, trace, st);
  warp.each([&](uint32_t lane) {
    recordIf(trace, lane == 0, EventKind::Exit, 0, lane == 0 ? static_cast<uint32_t>(mem.abortCode()) : 0, 0);
  });
}

template <class M, class W, class T>
KT_HD void runScheduler(M& mem, W& warp, T& trace, const SchedulerState& st) {
  SchedulerRun run;
  runScheduler(mem, warp, trace, st, run);
}

}  // namespace kerneltwin
