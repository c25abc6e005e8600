// The OS block: takes part in the barrier, then warp 0 schedules and the others subscribe.
#pragma once

#include "kerneltwin/actors/place.cuh"
#include "kerneltwin/actors/opening.cuh"
#include "kerneltwin/actors/ring_trace.cuh"
#include "kerneltwin/protocol/scheduler.h"
#include "kerneltwin/protocol/subscriber.h"

namespace kerneltwin {

/// Tasks a backlog of the scheduler holds: more than any queue entry has, whose count is 12 bits.
inline constexpr uint32_t kBacklogTasks = 1u << kReadyCountBits;

/// The OS block's arrays in the pipeline's memory, behind those of placing.
struct OsTables {
  SubscriberQueue* queues;  ///< [subscribers]
  uint32_t* heads;          ///< [subscribers + 1]
  uint32_t* slotState;      ///< [processors]
  uint32_t* tileDue;        ///< [processors]
  uint32_t* readyLists;     ///< [kReadyLists][readyMask + 1]
  uint32_t readyMask;
  uint32_t* backlogs;       ///< [kTaskClasses][kBacklogTasks]
  WatchChunk* watch;        ///< [subscribers][watchListCapacity] when it fits, else null
};

template <class Block>
KT_DEVICE OsTables osTables(const Shape& s, uint32_t processors, char* at) {
  auto take = [&](uint32_t bytes) {
    char* here = at;
    at += roundUp(bytes, 16);
    return here;
  };
  OsTables t;
  t.readyMask = roundUpPow2(processors) - 1;
  t.queues = reinterpret_cast<SubscriberQueue*>(take(Block::kSubscribers * sizeof(SubscriberQueue)));
  t.heads = reinterpret_cast<uint32_t*>(take((Block::kSubscribers + 1) * 4));
  t.slotState = reinterpret_cast<uint32_t*>(take(processors * 4));
  t.tileDue = reinterpret_cast<uint32_t*>(take(processors * 4));
  t.readyLists = reinterpret_cast<uint32_t*>(take(kReadyLists * (t.readyMask + 1) * 4));
  t.backlogs = reinterpret_cast<uint32_t*>(take(kTaskClasses * kBacklogTasks * 4));
  const uint32_t left = kPipelineBytes - static_cast<uint32_t>(at - pipelineMemory());
  const uint64_t wanted = static_cast<uint64_t>(Block::kSubscribers) * watchListCapacity(s) * sizeof(WatchChunk);
  t.watch = wanted <= left ? reinterpret_cast<WatchChunk*>(at) : nullptr;
  return t;
}
static_assert(kMaxProcessors * (2 + kReadyLists) * 4 + kTaskClasses * kBacklogTasks * 4 + 1024 <= kPipelineBytes);

/// Sets the words the warps share, but for the COMBINE tasks in the bound. All threads.
template <class Block>
KT_DEVICE void openOs(const LaunchArgs& args, const OsTables& t) {
  const Shape& s = args.shape;
  Control& words = control();
  if (ptx::thread() == 0) words.bound = peerBound(s, args.placement[args.rank + 1] - args.placement[args.rank]);
  if (ptx::thread() < kMaxRanks / 32) words.corrected[ptx::thread()] = 0;
  if (ptx::thread() == 0) words.interrupted = 0;
  if (ptx::thread() <= Block::kSubscribers) t.heads[ptx::thread()] = args.work.heads[ptx::thread()];
  if (ptx::thread() < Block::kSubscribers) {
    const uint32_t capacity = subscriberQueueCapacity(s);
    t.queues[ptx::thread()] = {args.work.subscriberRings + static_cast<uint64_t>(ptx::thread()) * capacity,
                               capacity - 1};
  }
}

/// Adds the COMBINE tasks of the rows this rank keeps (`own`) to the bound. All threads; ends with a block barrier.
template <class Block>
KT_DEVICE void addCombineTasks(const LaunchArgs& args, const uint32_t* own) {
  const Shape& s = args.shape;
  Control& words = control();
  uint32_t tasks = 0;
  for (uint32_t e = ptx::thread(); e < s.experts; e += Block::kThreads) tasks += combineTasksOf(s, own[e]);
  if (tasks > 0) ptx::add<Order::Relaxed, Scope::Block>(&words.bound, tasks);
  ptx::syncBlock();
  if (ptx::thread() == 0) args.work.osReport->initialBound = words.bound;
}

template <class Block>
KT_DEVICE void runSchedulerWarp(const LaunchArgs& args, DeviceMemory& mem, const OsTables& t,
                                uint32_t processors) {
  Control& words = control();
  const Shape& s = args.shape;
  const SchedulerState st = {args.scheduling,
                             gemm0Tasks(s),
                             gemm0Tasks(s) + gemm1Tasks(s),
                             processors,
                             Block::kSubscribers,
                             args.work.mailboxes,
                             t.queues,
                             {args.work.processorRing, processorQueueCapacity(s) - 1},
                             t.heads,
                             t.slotState,
                             t.tileDue,
                             t.readyLists,
                             t.readyMask,
                             t.backlogs,
                             kBacklogTasks,
                             {&words.bound, words.corrected},
                             &words.interrupted};
  DeviceWarp warp;
  WarpTrace trace(args.trace, words.rings[0]);
  runScheduler(mem, warp, trace, st);
  trace.close(words.rings[0]);
}

/// Subscriber `index` before its launch; `own` need not hold its counts yet.
template <class Block>
KT_DEVICE SubscriberState subscriberState(const LaunchArgs& args, const OsTables& t, const uint32_t* own, uint32_t index) {
  Control& words = control();
  const uint64_t watchList = static_cast<uint64_t>(index) * watchListCapacity(args.shape);
  SubscriberState st;
  st.shape = args.shape;
  st.placement = {args.placement, args.shape.ranks};
  st.rank = args.rank;
  st.epoch = args.epoch;
  st.index = index;
  st.subscribers = Block::kSubscribers;
  st.ownRows = own;
  st.flags = args.symmetric.flags;
  st.watch = (t.watch != nullptr ? t.watch : args.work.watch) + watchList;
  st.watched = 0;
  st.dispatchChunks = 0;
  st.queue = t.queues[index];
  st.ticket = args.work.tickets[index];
  st.bound = {&words.bound, words.corrected};
  st.interrupted = &words.interrupted;
  return st;
}

/// Leaves what the next launch continues from, and what a reader of a failed launch needs.
template <class Block>
KT_DEVICE void closeOs(const LaunchArgs& args, const OsTables& t) {
  const Control& words = control();
  if (ptx::thread() <= Block::kSubscribers) args.work.heads[ptx::thread()] = t.heads[ptx::thread()];
  if (ptx::thread() != 0) return;
  uint32_t corrected = 0;
  for (uint32_t i = 0; i < kMaxRanks / 32; ++i) corrected += countBits(words.corrected[i]);
  args.work.osReport->bound = words.bound;
  args.work.osReport->interrupted = words.interrupted;
  args.work.osReport->correctedPeers = corrected;
}

/// The launch of the OS block. It has no share of tokens: it could not dispatch their rows.
template <class Block>
KT_DEVICE void runOsBlock(const LaunchArgs& args, uint32_t processors) {
  SpinState& self = control().spins[ptx::warp()];
  RingTrace trace = {args.trace, &control().rings[ptx::warp()]};
  DeviceMemory mem = {args.work.abort, &self};
  if (ptx::thread() == 0) {
    trace.record(EventKind::LaunchBegin, 0, args.epoch, epochState(args.epoch));
    trace.record(EventKind::GateBegin, 0, 0, 0);
    trace.record(EventKind::GateEnd, 0, 0, 0);
  }
  if (ptx::lane() == 0) self.site = Site::Barrier;
  arriveRank(args, mem, trace, processors + 1);

  // What needs no other block's counts is done while the others gate: behind the barrier it would delay the first tasks.
  const PlaceTables places = placeTables(args.shape);
  const OsTables tables = osTables<Block>(args.shape, processors, places.rest);
  clearSums<Block>(args, places);
  if (ptx::warp() == 0) clearNumbers(args, places.first);
  openOs<Block>(args, tables);
  ptx::syncBlock();
  const bool schedules = ptx::warp() == 0;
  DeviceWarp warp;
  SubscriberState st;
  if (!schedules) {
    st = subscriberState<Block>(args, tables, places.kept, ptx::warp() - 1);
    watchDispatch(warp, st);
  }
  if (!awaitRank(args, mem, trace, processors + 1)) return;

  sumCounts<Block>(args, places, CountTeam::of<Block>(args.shape.experts), processors, processors);
  uint32_t* own = args.work.ownRows + static_cast<uint64_t>(processors) * args.shape.experts;
  keepRows<Block>(args, places, own, ptx::thread(), Block::kThreads);
  ptx::syncBlock();
  addCombineTasks<Block>(args, places.kept);
  if (ptx::lane() == 0) self.site = schedules ? Site::Scheduler : Site::Subscriber;
  ptx::syncWarp();
  if (schedules) {
    runSchedulerWarp<Block>(args, mem, tables, processors);
  } else {
    runSubscriber(mem, warp, trace, st);
    if (ptx::lane() == 0) args.work.tickets[st.index] = st.ticket;
  }
  ptx::syncBlock();
  closeOs<Block>(args, tables);
}

}  // namespace kerneltwin
