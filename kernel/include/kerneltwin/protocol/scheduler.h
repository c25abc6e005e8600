// The scheduler warp: sweeps status words and task queues, pairs ready tasks with ready processors, rings doorbells, and
// owns termination.
//
// One iteration loads the status words and a hand of queue entries in one flight (every lane looks at one entry, several of each
// queue), moves what it found into its own books, and places tasks in batches of up to 32: lane i rings the i-th processor with
// the i-th task, so a batch costs about as much as one placement. One fence a hand stands between all its entries and all
// doorbells that follow: a release a doorbell would cost each batch a round trip to memory.
//
// The books: a backlog of entries for each class of tasks, and the free processors. Which class goes to which processor is the
// policy (Scheduling), chosen at launch by name.
#pragma once

#include "kerneltwin/layout/task.h"
#include "kerneltwin/protocol/bound.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/queue.h"

namespace kerneltwin {

/// Subscribers' queues plus the processors' queue must not exceed one lane each.
inline constexpr uint32_t kMaxQueues = kLanes;

/// Order of placements. Every one is work-conserving: as long as a task and a processor are in the books, it places.
enum class Scheduling : uint32_t {
  Fifo = 0,        ///< tasks in the order their entries are found; the next hand is opened when the last is used up
  Gemm1First = 1,  ///< GEMM1, then COMBINE, then GEMM0: an expert's intermediate rows are read while they are in L2
  Interleave = 2,  ///< GEMM1 before GEMM0; between two tiles a processor gets a COMBINE, which runs beside the tile it waits for
};
inline constexpr uint32_t kSchedulings = 3;

/// Classes of tasks with a backlog of their own, numbered as Op.
inline constexpr uint32_t kTaskClasses = 3;
/// Lists of free processors: those that may take any task, and those that a tile is due (Scheduling::Interleave).
inline constexpr uint32_t kReadyLists = 2;

/// Tasks [first, first + count) of one queue entry.
struct OpenRange {
  uint32_t first;
  uint32_t count;
};

/// The waiting entries of one class, a ring: those at [head, tail), of whose first `taken` tasks are placed.
struct Backlog {
  uint32_t head;
  uint32_t tail;
  uint32_t taken;
  uint32_t waiting;  ///< tasks
};

/// Entries a backlog has room for: what does not fit stays in its queue. At least a hand's.
inline constexpr uint32_t kBacklogEntries = 256;
static_assert(kBacklogEntries >= kLanes && (kBacklogEntries & (kBacklogEntries - 1)) == 0);

/// The free processors of one list, a ring from `head`.
struct ReadyList {
  uint32_t head;
  uint32_t count;
};

/// What lane 0 writes and all lanes read.
struct SchedulerBooks {
  Backlog backlogs[kTaskClasses];
  ReadyList ready[kReadyLists];
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
  uint32_t* readyLists;               ///< [kReadyLists][readyMask + 1] processors; `readyMask + 1` >= processors
  uint32_t readyMask;
  OpenRange* entries;                 ///< [kTaskClasses][kBacklogEntries] rings of the backlogs
  SchedulerBooks* books;
  BoundWords bound;
  uint32_t* interrupted;              ///< read by the subscribers
};

/// The scheduler's running state: counters that are the same in all lanes.
struct SchedulerRun {
  uint32_t scheduled = 0;
  uint32_t emptySweeps = 0;
};

/// Entries of each queue that a hand may hold: the lanes dealt evenly, up to four, which a scheduler at full speed needs to
/// hide a queue's latency.
KT_HD uint32_t entriesPerQueue(uint32_t queues) {
  const uint32_t each = kLanes / roundUpPow2(queues);
  return each < 4 ? each : 4;
}

/// Adopts the sequences the last launch left; empties the books.
template <class M, class W>
KT_HD void adoptMailboxes(M& mem, W& warp, const SchedulerState& st) {
  for (uint32_t base = 0; base < st.processors; base += kLanes) {
    warp.each([&](uint32_t lane) {
      const uint32_t p = base + lane;
      if (p >= st.processors) return;
      st.slotState[p] = lastRung(mem, st.mailboxes, p) << 1;
      st.tileDue[p] = 0;
    });
  }
  warp.each([&](uint32_t lane) {
    if (lane == 0) *st.books = {};
  });
  warp.sync();
}

/// The backlog an entry goes to. Under Fifo all share one, which keeps their order.
KT_HD uint32_t backlogOf(const SchedulerState& st, uint32_t task) {
  if (st.scheduling == Scheduling::Fifo) return 0;
  return (task >= st.firstGemm1) + (task >= st.firstCombine);
}

/// Whether the next sweep looks at the queues.
KT_HD bool wantsHand(const SchedulerState& st) {
  return st.scheduling != Scheduling::Fifo || st.books->backlogs[0].waiting == 0;
}

/// Batches of 32 processors whose status loads are in flight together: all of an H200's with one block an SM.
inline constexpr uint32_t kSweepBatches = 5;

/// Appends the processors of one batch whose mailbox is free to their ready lists, in lane order.
template <class W, class T>
KT_HD void appendReady(W& warp, T& trace, const SchedulerState& st, uint32_t base, uint32_t freed) {
  const uint32_t due = warp.ballot([&](uint32_t lane) { return (freed >> lane & 1) && st.tileDue[base + lane] != 0; });
  warp.each([&](uint32_t lane) {
    if (!(freed >> lane & 1)) return;
    const uint32_t p = base + lane;
    const uint32_t list = due >> lane & 1;
    const uint32_t peers = list != 0 ? due : freed & ~due;
    const ReadyList& ready = st.books->ready[list];
    const uint32_t place = ready.head + ready.count + countBits(peers & lowMask(lane));
    st.readyLists[list * (st.readyMask + 1) + (place & st.readyMask)] = p;
    trace.record(EventKind::ProcessorReady, p, st.slotState[p] >> 1, 0);
    st.slotState[p] |= 1;
  });
  warp.sync();  // all have read the counts
  warp.each([&](uint32_t lane) {
    if (lane != 0) return;
    st.books->ready[0].count += countBits(freed & ~due);
    st.books->ready[1].count += countBits(due);
  });
  warp.sync();  // lanes will read ready lists and counts that other lanes wrote
}

/// Takes the hand's entries into the backlogs. A queue's are taken in ticket order up to the first that is not there yet, or
/// that finds no room (S10). Returns true when there were any.
template <class M, class W>
KT_HD bool takeHand(M& mem, W& warp, const SchedulerState& st, const typename W::template Var<uint64_t>& word) {
  const uint32_t each = entriesPerQueue(st.subscribers + 1);
  typename W::template Var<OpenRange> range;
  const uint32_t found = warp.ballot([&](uint32_t lane) {
    const uint32_t q = lane / each;
    if (q > st.subscribers) return false;
    const QueueEntry entry = unpackEntry(word[lane]);
    range[lane] = {entry.first, entry.count};
    if (entry.tag != queueTag(st.heads[q] + lane % each)) return false;
    const Backlog& backlog = st.books->backlogs[backlogOf(st, entry.first)];
    return kBacklogEntries - (backlog.tail - backlog.head) >= kLanes;
  });
  if (found == 0) return false;
  mem.template fence<Order::AcqRel, Scope::Device>();  // behind the entries, before the doorbells of their tasks
  const uint32_t taken = warp.ballot([&](uint32_t lane) {
    const uint32_t before = found >> (lane / each * each) & lowMask(lane % each + 1);
    return before == lowMask(lane % each + 1) && lane / each <= st.subscribers;
  });
  for (uint32_t c = 0; c < kTaskClasses; ++c) {
    const uint32_t mine = warp.ballot([&](uint32_t lane) { return (taken >> lane & 1) && backlogOf(st, range[lane].first) == c; });
    if (mine == 0) continue;
    typename W::template Var<uint32_t> tasks;
    Backlog& backlog = st.books->backlogs[c];
    warp.each([&](uint32_t lane) {
      tasks[lane] = mine >> lane & 1 ? range[lane].count : 0;
      if (!(mine >> lane & 1)) return;
      const uint32_t place = backlog.tail + countBits(mine & lowMask(lane));
      st.entries[c * kBacklogEntries + (place & (kBacklogEntries - 1))] = range[lane];
    });
    const uint32_t total = warp.exclusiveScan(tasks);
    warp.sync();  // all have read the tail
    warp.each([&](uint32_t lane) {
      if (lane != 0) return;
      backlog.tail += countBits(mine);
      backlog.waiting += total;
    });
  }
  warp.each([&](uint32_t lane) {
    if (lane % each == 0 && lane / each <= st.subscribers) st.heads[lane / each] += countBits(taken >> lane & lowMask(each));
  });
  warp.sync();  // the next hand's lanes read heads, and the batches' backlogs, that others wrote
  return true;
}

/// One sweep: every processor with a free mailbox that is not yet in a ready list joins one (S7), and the queues' next entries
/// join the backlogs. All loads of up to kSweepBatches * 32 processors and of the queues are in flight together. The last batch is
/// partial when processors are not a multiple of 32; its lanes still take part in the ballot.
template <class M, class W, class T>
KT_HD void sweep(M& mem, W& warp, T& trace, const SchedulerState& st) {
  const uint32_t each = entriesPerQueue(st.subscribers + 1);
  const bool hand = wantsHand(st);
  typename W::template Var<uint64_t> word;
  warp.each([&](uint32_t lane) {
    const uint32_t q = lane / each;
    word[lane] = 0;
    if (!hand || q > st.subscribers) return;
    const uint32_t ticket = st.heads[q] + lane % each;
    word[lane] = q < st.subscribers ? st.subscriberQueues[q].look(mem, ticket) : st.processorQueue.look(mem, ticket);
  });
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
      if (base + j * kLanes >= st.processors) break;
      const uint32_t freed = warp.ballot([&](uint32_t lane) {
        const uint32_t p = base + j * kLanes + lane;
        return p < st.processors && seen[j][lane] << 1 == st.slotState[p];
      });
      if (freed != 0) appendReady(warp, trace, st, base + j * kLanes, freed);
    }
  }
  if (hand) takeHand(mem, warp, st, word);
}

/// One kind of placement: tasks of a class on processors of a list.
struct Pairing {
  uint32_t backlog;
  uint32_t list;
  bool any;  ///< false: nothing can be placed now
};

/// What to place next.
KT_HD Pairing nextPairing(const SchedulerState& st) {
  const Backlog* backlogs = st.books->backlogs;
  const uint32_t gemm0 = static_cast<uint32_t>(Op::Gemm0);
  const uint32_t gemm1 = static_cast<uint32_t>(Op::Gemm1);
  const uint32_t combine = static_cast<uint32_t>(Op::Combine);
  const bool open = st.books->ready[0].count > 0;
  const bool due = st.books->ready[1].count > 0;
  const bool combines = backlogs[combine].waiting > 0;
  const uint32_t tile = backlogs[gemm1].waiting > 0 ? gemm1 : gemm0;
  const bool tiles = backlogs[tile].waiting > 0;
  if (st.scheduling == Scheduling::Interleave) {
    if (combines && open) return {combine, 0, true};
    if (tiles) return {tile, due ? 1u : 0u, due || open};
    return {combine, 1, combines && due};
  }
  if (tile == gemm1 || !combines) return {tile, 0, tiles && open};
  return {combine, 0, open};
}

/// Finds, for every lane, the task it is to place: number `taken + lane` of the backlog. Binary search over the entries' starts.
template <class W>
KT_HD void dealTasks(W& warp, const typename W::template Var<OpenRange>& range, const typename W::template Var<uint32_t>& start,
                     typename W::template Var<uint32_t>& task) {
  typename W::template Var<uint32_t> from, at, probe;
  warp.each([&](uint32_t lane) { from[lane] = 0; });
  KT_UNROLL
  for (uint32_t step = kLanes / 2; step > 0; step /= 2) {
    warp.each([&](uint32_t lane) { at[lane] = from[lane] + step; });
    warp.gather(probe, start, at);
    warp.each([&](uint32_t lane) {
      if (probe[lane] <= lane) from[lane] = at[lane];
    });
  }
  typename W::template Var<OpenRange> mine;
  warp.gather(mine, range, from);
  warp.gather(probe, start, from);
  warp.each([&](uint32_t lane) { task[lane] = mine[lane].first + (lane - probe[lane]); });
}

/// Places up to 32 tasks of one backlog on the processors at the head of one list. Returns how many.
template <class M, class W, class T>
KT_HD uint32_t placeBatch(M& mem, W& warp, T& trace, const SchedulerState& st, Pairing pairing) {
  Backlog& backlog = st.books->backlogs[pairing.backlog];
  ReadyList& ready = st.books->ready[pairing.list];
  uint32_t batch = backlog.waiting < ready.count ? backlog.waiting : ready.count;
  if (batch > kLanes) batch = kLanes;
  const uint32_t placed = backlog.taken;
  typename W::template Var<OpenRange> range;
  typename W::template Var<uint32_t> start, task;
  warp.each([&](uint32_t lane) {
    const uint32_t at = backlog.head + lane;
    range[lane] = {0, 0};
    if (lane < backlog.tail - backlog.head) range[lane] = st.entries[pairing.backlog * kBacklogEntries + (at & (kBacklogEntries - 1))];
    if (lane == 0) range[lane] = {range[lane].first + placed, range[lane].count - placed};
    start[lane] = range[lane].count;
  });
  warp.exclusiveScan(start);
  dealTasks(warp, range, start, task);
  const bool alternates = st.scheduling == Scheduling::Interleave;
  warp.each([&](uint32_t lane) {
    if (lane >= batch) return;
    const uint32_t p = st.readyLists[pairing.list * (st.readyMask + 1) + ((ready.head + lane) & st.readyMask)];
    const uint32_t sequence = nextSequence(st.slotState[p] >> 1);
    trace.record(EventKind::TaskCommitted, p, task[lane], sequence);
    st.slotState[p] = sequence << 1;
    if (alternates) st.tileDue[p] = pairing.backlog == static_cast<uint32_t>(Op::Combine);
    ringFenced(mem, st.mailboxes, p, {task[lane], sequence, false});
  });
  // Entries placed to their end; what is placed of the one after them.
  const uint32_t ended = countBits(warp.ballot([&](uint32_t lane) {
    return range[lane].count > 0 && start[lane] + range[lane].count <= batch;
  }));
  warp.sync();  // all have read the books
  warp.each([&](uint32_t lane) {
    if (lane != (ended < kLanes ? ended : 0)) return;
    if (ended == 0) backlog.taken = placed + batch;
    else backlog.taken = ended < kLanes ? batch - start[lane] : 0;
    backlog.head += ended;
    backlog.waiting -= batch;
    ready.head += batch;
    ready.count -= batch;
  });
  warp.sync();  // slotState is swept, and the books are read, by other lanes than those that wrote
  return batch;
}

/// Places until processors or tasks run out. Returns how many tasks were placed.
template <class M, class W, class T>
KT_HD uint32_t placeTasks(M& mem, W& warp, T& trace, const SchedulerState& st) {
  uint32_t placed = 0;
  for (;;) {
    const Pairing pairing = nextPairing(st);
    if (!pairing.any) return placed;
    placed += placeBatch(mem, warp, trace, st, pairing);
  }
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
    sweep(mem, warp, trace, st);
    const uint32_t placed = placeTasks(mem, warp, trace, st);
    run.scheduled += placed;
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
  SchedulerRun run;
  runScheduler(mem, warp, trace, st, run);
}

}  // namespace kerneltwin
