// A subscriber warp: polls its share of the flags and turns fresh signals into task-queue entries.
//
// Its share is a watch list of chunks: up to 32 consecutive flags and a mask of those still awaited in this epoch. Polling reads
// (acquire, system scope) and does not consume, so a flag that is ahead needs no restoring. Chunks with nothing left to
// await are skipped.
#pragma once

#include "kerneltwin/protocol/bound.h"
#include "kerneltwin/protocol/queue.h"

namespace kerneltwin {

/// Consecutive flags from `first`; bit l of `pending`: flag `first + l` is awaited. `combine`: combine flags.
struct WatchChunk {
  uint32_t first;
  uint32_t pending;
};

/// Dispatch flags of a chunk: so few that all subscribers have some. Whole chunks of 32 gave the 64 cells of a rank alone to two
/// of eleven subscribers, whose queues gave the scheduler four row blocks a sweep: the last processor had its first task 13 us
/// after the first one.
KT_HD uint32_t dispatchChunkFlags(const Shape& s, uint32_t localExperts, uint32_t subscribers) {
  const uint32_t each = ceilDiv(s.ranks * localExperts, subscribers);
  return each < 1 ? 1 : each < kLanes ? each : kLanes;
}

/// Chunks a watch list must hold in the worst case: that of one subscriber that owns every flag. With more of them dispatch chunks
/// are smaller, but no more than one a source and subscriber.
KT_HD uint32_t watchListCapacity(const Shape& s) {
  const uint64_t combine = sentRowBlocks(s) * gemm1Cols(s) / kLanes + s.experts;
  return s.ranks * ceilDiv(s.slots, kLanes) + static_cast<uint32_t>(combine);
}

/// What a subscriber knows and owns.
struct SubscriberState {
  Shape shape;
  Placement placement;
  uint32_t rank;
  uint32_t epoch;
  uint32_t index;              ///< this subscriber, 0 to subscribers - 1
  uint32_t subscribers;
  const uint32_t* ownRows;     ///< rows this rank keeps for each expert, known after the gate
  uint64_t* flags;             ///< this rank's flag array
  WatchChunk* watch;           ///< private to this warp, watchListCapacity entries
  uint32_t watched;            ///< chunks in use; the first `dispatchChunks` watch dispatch flags
  uint32_t dispatchChunks;
  SubscriberQueue queue;
  uint32_t ticket;             ///< next ticket of the queue; kept from launch to launch
  BoundWords bound;
  const uint32_t* interrupted; ///< set by the scheduler when all tasks are scheduled
};

/// Appends this subscriber's chunks of some regions (a source's cells, or an expert's tiles), `flags` flags a chunk: chunk c of region
/// r goes to subscriber (r + c) % subscribers. A lane writes the chunks of one region, at the place a scan gives it.
template <class W, class First, class Count>
KT_HD void watchRegions(W& warp, SubscriberState& st, uint32_t regions, uint32_t flags, First firstOf, Count countOf) {
  for (uint32_t base = 0; base < regions; base += kLanes) {
    typename W::template Var<uint32_t> place;
    warp.each([&](uint32_t lane) {
      const uint32_t r = base + lane;
      const uint32_t chunks = r < regions ? ceilDiv(countOf(r), flags) : 0;
      const uint32_t start = (st.index + st.subscribers - r % st.subscribers) % st.subscribers;
      place[lane] = chunks > start ? ceilDiv(chunks - start, st.subscribers) : 0;
    });
    const uint32_t total = warp.exclusiveScan(place);
    warp.each([&](uint32_t lane) {
      const uint32_t r = base + lane;
      if (r >= regions) return;
      uint32_t at = st.watched + place[lane];
      const uint32_t count = countOf(r);
      const uint32_t start = (st.index + st.subscribers - r % st.subscribers) % st.subscribers;
      for (uint32_t c = start; c * flags < count; c += st.subscribers) {
        st.watch[at++] = {firstOf(r) + c * flags, lowMask(count - c * flags) & lowMask(flags)};
      }
    });
    st.watched += total;
  }
}

/// Begins the watch list of an epoch: every flag of every (source, local slot). Needs nothing of this epoch.
template <class W>
KT_HD void watchDispatch(W& warp, SubscriberState& st) {
  const uint32_t local = st.placement.localExperts(st.rank);
  st.watched = 0;
  watchRegions(warp, st, st.shape.ranks, dispatchChunkFlags(st.shape, local, st.subscribers),
               [&](uint32_t source) { return dispatchFlag(st.shape, source, 0); }, [&](uint32_t) { return local; });
  st.dispatchChunks = st.watched;
}

/// Completes it: every combine flag of the rows this rank sends.
template <class W>
KT_HD void watchCombine(W& warp, SubscriberState& st) {
  const Shape& s = st.shape;
  watchRegions(warp, st, s.experts, kLanes, [&](uint32_t expert) { return combineFlag(s, expert, 0, 0); },
               [&](uint32_t expert) { return rowBlocks(s, st.ownRows[expert]) * gemm1Cols(s); });
  warp.sync();
}

/// One lane's find in a chunk: consecutive tasks that it has to publish.
struct Find {
  uint32_t first;
  uint32_t tasks;  ///< of a dispatch cell, or one COMBINE task, or a run of them
  uint32_t each;   ///< tasks of an entry; the last one's may be fewer

  KT_HD uint32_t entries() const { return ceilDiv(tasks, each); }
};
inline constexpr Find kNothing = {0, 0, 1};

/// True when a flag's word settles it for this epoch. A combine flag is ground until this epoch's signal arrives.
KT_HD bool isFresh(uint64_t word, bool combine, uint32_t epoch) {
  const Signal signal = unpackSignal(word);
  return signal.state != 0 && (combine || freshness(signal.state, epoch) != Freshness::Stale);
}

/// Takes in a dispatch signal that is current or ahead. Ahead: the peer finished this epoch, so the flag was a no-op in it.
template <class M, class T>
KT_HD Find takeDispatchSignal(M& mem, T& trace, const SubscriberState& st, uint32_t flag, Signal signal) {
  const Shape& s = st.shape;
  const uint32_t source = flag / s.slots;
  const uint32_t slot = flag % s.slots;
  const bool current = freshness(signal.state, st.epoch) == Freshness::Current;
  const uint32_t rows = current ? signal.rows : 0;
  const uint32_t rowTiles = current ? signal.rowTiles : 0;
  trace.record(EventKind::SignalObserved, source, flag, packSignalArg(rows, signal.state));
  uint32_t after = 0;
  if (correctBound(mem, st.bound, s, st.placement.localExperts(st.rank), source, rowTiles, after)) {
    trace.record(EventKind::Surplus, source, rowTiles, after);
  }
  return {gemm0Task(s, slot, source, 0, 0), rowBlocks(s, rows) * gemm0Cols(s), entryRowBlocks(s) * gemm0Cols(s)};
}

/// Takes in a combine signal and sets its flag back to ground: the next writer comes only after this rank's next
/// dispatch, so nobody races with the reset, and a flag unused for epochs cannot pass for a fresh one.
template <class M, class T>
KT_HD Find takeCombineSignal(M& mem, T& trace, const SubscriberState& st, uint32_t flag, Signal signal) {
  const Shape& s = st.shape;
  if (signal.state != epochState(st.epoch)) {
    mem.fail(AbortCode::ProtocolError);
    return kNothing;
  }
  mem.template store<Order::Relaxed, Scope::System>(&st.flags[flag], static_cast<uint64_t>(0));
  const uint32_t tile = flag - dispatchFlags(s);
  const uint32_t expert = tile / gemm1Cols(s) / cellRowBlocks(s);
  trace.record(EventKind::SignalObserved, st.placement.home(expert).rank, flag,
               packSignalArg(signal.rows, signal.state));
  return {gemm0Tasks(s) + gemm1Tasks(s) + tile, 1, 1};
}

/// COMBINE tiles found in neighbouring flags of a chunk are consecutive tasks: the first lane of a run publishes them as one
/// entry. One entry a tile would fill the queues with entries that the scheduler takes one a queue and sweep.
KT_HD Find mergeRun(Find find, uint32_t fresh, uint32_t lane) {
  const bool leads = (fresh >> lane & 1) && (lane == 0 || !(fresh >> (lane - 1) & 1));
  if (!leads) return kNothing;
  const uint32_t gap = ~(fresh >> lane);
  find.tasks = find.each = gap == 0 ? kLanes : lowestBit(gap);
  return find;
}

/// Publishes every lane's find under consecutive tickets, in lane order.
template <class M, class W, class T>
KT_HD void publishFinds(M& mem, W& warp, T& trace, SubscriberState& st,
                        const typename W::template Var<Find>& find) {
  typename W::template Var<uint32_t> place;
  warp.each([&](uint32_t lane) { place[lane] = find[lane].entries(); });
  const uint32_t total = warp.exclusiveScan(place);
  warp.each([&](uint32_t lane) {
    uint32_t ticket = st.ticket + place[lane];
    for (uint32_t at = 0; at < find[lane].tasks; at += find[lane].each, ++ticket) {
      const uint32_t task = find[lane].first + at;
      const uint32_t left = find[lane].tasks - at;
      const uint32_t count = left < find[lane].each ? left : find[lane].each;
      trace.record(EventKind::TasksReady, st.index, task, packReady(count, ticket));
      st.queue.publish(mem, ticket, task, count);
    }
  });
  st.ticket += total;
}

/// Chunks whose flag loads are in flight together.
inline constexpr uint32_t kPollChunks = 4;

/// Polls chunks [c, c + kPollChunks) once and publishes what it finds. The loads are relaxed so that they overlap; one
/// acquire fence follows when any flag is fresh, before its payload is passed on.
template <class M, class W, class T>
KT_HD void pollChunks(M& mem, W& warp, T& trace, SubscriberState& st, uint32_t c) {
  typename W::template Var<uint64_t> word[kPollChunks];
  uint32_t fresh[kPollChunks];
  uint32_t any = 0;
  KT_UNROLL
  for (uint32_t j = 0; j < kPollChunks; ++j) {
    warp.each([&](uint32_t lane) {
      const bool awaited = c + j < st.watched && (st.watch[c + j].pending >> lane & 1);
      word[j][lane] = awaited ? mem.template load<Order::Relaxed, Scope::System>(&st.flags[st.watch[c + j].first + lane]) : 0;
    });
  }
  KT_UNROLL
  for (uint32_t j = 0; j < kPollChunks; ++j) {
    fresh[j] = warp.ballot([&](uint32_t lane) { return isFresh(word[j][lane], c + j >= st.dispatchChunks, st.epoch); });
    any |= fresh[j];
  }
  if (any == 0) return;
  mem.template fence<Order::Acquire, Scope::System>();
  KT_UNROLL
  for (uint32_t j = 0; j < kPollChunks; ++j) {
    if (fresh[j] == 0) continue;
    typename W::template Var<Find> find;
    const uint32_t first = st.watch[c + j].first;
    warp.each([&](uint32_t lane) {
      find[lane] = kNothing;
      if (!(fresh[j] >> lane & 1)) return;
      const Signal signal = unpackSignal(word[j][lane]);
      find[lane] = c + j >= st.dispatchChunks ? takeCombineSignal(mem, trace, st, first + lane, signal)
                                              : takeDispatchSignal(mem, trace, st, first + lane, signal);
    });
    if (c + j >= st.dispatchChunks) {
      warp.each([&](uint32_t lane) { find[lane] = mergeRun(find[lane], fresh[j], lane); });
    }
    publishFinds(mem, warp, trace, st, find);
    warp.each([&](uint32_t lane) {
      if (lane == 0) st.watch[c + j].pending &= ~fresh[j];
    });
  }
  warp.sync();  // the next sweep's lanes read the masks that lane 0 wrote
}

/// The subscriber's launch from watchDispatch on: sweep until the scheduler interrupts.
template <class M, class W, class T>
KT_HD void runSubscriber(M& mem, W& warp, T& trace, SubscriberState& st) {
  watchCombine(warp, st);
  warp.spin(mem, [&] {
    for (uint32_t c = 0; c < st.watched; c += kPollChunks) pollChunks(mem, warp, trace, st, c);
    return warp.ballot([&](uint32_t lane) {
      return lane == 0 && mem.template load<Order::Acquire, Scope::Block>(st.interrupted) != 0;
    }) != 0;
  });
  warp.each([&](uint32_t lane) {
    if (lane == 0) trace.record(EventKind::Exit, 0, static_cast<uint32_t>(mem.abortCode()), 0);
  });
}

}  // namespace kerneltwin
