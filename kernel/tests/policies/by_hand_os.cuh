// The scheduler and the subscriber as one writes them for one warp of a GPU, without policies.
#pragma once

#include "kerneltwin/protocol/scheduler.h"
#include "kerneltwin/protocol/subscriber.h"
#include "by_hand_memory.cuh"

namespace by_hand {

/// Words on their way: the lane's queue entry, and its processors' status words.
struct Loads {
  uint64_t entry;
  uint32_t status[kSweepBatches];
  bool hand;
};

HAND void loadStatus(const SchedulerState& st, uint32_t base, Loads& loads) {
#pragma unroll
  for (uint32_t j = 0; j < kSweepBatches; ++j) {
    const uint32_t p = base + j * 32 + lane();
    loads.status[j] = p < st.processors ? loadRelaxedGpu(&st.mailboxes.status[p]) : 0;
  }
}

HAND void load(const SchedulerState& st, const SchedulerRun& run, Loads& loads) {
  const uint32_t each = entriesPerQueue(st.subscribers + 1);
  const uint32_t q = lane() / each;
  loads.hand = st.scheduling != Scheduling::Fifo || run.backlog[0].count() < st.processors;
  loads.entry = 0;
  if (loads.hand && q <= st.subscribers) {
    const uint32_t ticket = st.heads[q] + lane() % each;
    loads.entry = q < st.subscribers ? loadRelaxedCta(&st.subscriberQueues[q].ring[ticket & st.subscriberQueues[q].mask])
                                     : loadRelaxedGpu(&st.processorQueue.ring[ticket & st.processorQueue.mask]);
  }
  loadStatus(st, 0, loads);
}

HAND void takeStatus(const SchedulerState& st, SchedulerRun& run, Loads& loads) {
  for (uint32_t base = 0; base < st.processors; base += kSweepBatches * 32) {
    if (base > 0) loadStatus(st, base, loads);
#pragma unroll
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      if (base + j * 32 >= st.processors) break;
      const uint32_t p = base + j * 32 + lane();
      const bool free = p < st.processors && loads.status[j] << 1 == st.slotState[p];
      const uint32_t freed = __ballot_sync(~0u, free);
      if (freed == 0) continue;
      bool tile = false;
      uint32_t due = 0;
      if (st.scheduling == Scheduling::Interleave) {
        tile = free && st.tileDue[p] != 0;
        due = __ballot_sync(~0u, tile);
      }
      if (free) {
        const uint32_t place = (tile ? run.ready[1].tail : run.ready[0].tail) + __popc((tile ? due : freed & ~due) & lanesBelow());
        st.readyLists[tile * (st.readyMask + 1) + (place & st.readyMask)] = p;
        st.slotState[p] |= 1;
      }
      run.ready[0].tail += __popc(freed & ~due);
      run.ready[1].tail += __popc(due);
    }
  }
  __syncwarp();
}

HAND void takeHand(const SchedulerState& st, SchedulerRun& run, const Loads& loads) {
  const uint32_t each = entriesPerQueue(st.subscribers + 1);
  const uint32_t q = lane() / each;
  const uint32_t nth = lane() % each;
  const uint32_t upToHere = lowMask(nth + 1);
  const QueueEntry entry = unpackEntry(loads.entry);
  const uint32_t found = __ballot_sync(~0u, q <= st.subscribers && entry.tag == queueTag(st.heads[q] + nth));
  if (found == 0) return;
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
  const bool mine = (found >> (q * each) & upToHere) == upToHere;
  uint32_t taken = __ballot_sync(~0u, mine);
  uint32_t alone = 0;
  const RingSpan combine = run.backlog[kTaskClasses - 1];
  if (st.scheduling != Scheduling::Fifo && st.backlogRoom - combine.count() >= 32) {
    const bool one = mine && entry.count == 1 && backlogOf(st, entry.first) == kTaskClasses - 1;
    const uint32_t single = __ballot_sync(~0u, one);
    const bool first = (single >> (q * each) & upToHere) == upToHere;
    alone = __ballot_sync(~0u, first);
    if (first) {
      const uint32_t place = combine.tail + __popc(alone & lanesBelow());
      st.backlogs[(kTaskClasses - 1) * st.backlogRoom + (place & (st.backlogRoom - 1))] = entry.first;
    }
    run.backlog[kTaskClasses - 1].tail += __popc(alone);
  }
  for (uint32_t rest = taken & ~alone; rest != 0;) {
    const uint32_t source = lowestBit(rest);
    const uint32_t first = __shfl_sync(~0u, entry.first, source);
    const uint32_t count = __shfl_sync(~0u, entry.count, source);
    const uint32_t c = backlogOf(st, first);
    const RingSpan backlog = spanOf(run.backlog, c);
    rest &= rest - 1;
    if (st.backlogRoom - backlog.count() < count) {
      const uint32_t behind = lowMask(each) << (source / each * each) & ~lowMask(source);
      taken &= ~behind;
      rest &= ~behind;
      continue;
    }
    for (uint32_t i = lane(); i < count; i += 32) {
      st.backlogs[c * st.backlogRoom + ((backlog.tail + i) & (st.backlogRoom - 1))] = first + i;
    }
    moveTail(run.backlog, c, count);
  }
  if (nth == 0 && q <= st.subscribers) st.heads[q] += __popc(taken >> lane() & lowMask(each));
  __syncwarp();
}

/// Places up to 32 tasks of one class on processors of one list.
HAND uint32_t place(const SchedulerState& st, SchedulerRun& run, const Pairing& next) {
  const uint32_t batch = min(next.most, 32u);
  const uint32_t firstTask = spanOf(run.backlog, next.backlog).head;
  const uint32_t firstReady = spanOf(run.ready, next.list).head;
  if (lane() < batch) {
    const uint32_t p = st.readyLists[next.list * (st.readyMask + 1) + ((firstReady + lane()) & st.readyMask)];
    const uint32_t task = st.backlogs[next.backlog * st.backlogRoom + ((firstTask + lane()) & (st.backlogRoom - 1))];
    const uint32_t sequence = nextSequence(st.slotState[p] >> 1);
    st.slotState[p] = sequence << 1;
    if (st.scheduling == Scheduling::Interleave) st.tileDue[p] = next.backlog == static_cast<uint32_t>(Op::Combine);
    storeRelaxedGpu(&st.mailboxes.doorbells[p * kDoorbellStride], packDoorbell({task, sequence, false}));
  }
#pragma unroll
  for (uint32_t c = 0; c < kTaskClasses; ++c) run.backlog[c].head += c == next.backlog ? batch : 0;
#pragma unroll
  for (uint32_t l = 0; l < kReadyLists; ++l) run.ready[l].head += l == next.list ? batch : 0;
  run.scheduled += batch;
  return batch;
}

HAND uint32_t placeAll(const SchedulerState& st, SchedulerRun& run) {
  uint32_t placed = 0;
  for (Pairing next = nextPairing(st.scheduling, run); next.most > 0; next = nextPairing(st.scheduling, run)) placed += place(st, run, next);
  __syncwarp();
  return placed;
}

HAND void sweep(const SchedulerState& st, SchedulerRun& run) {
  Loads loads;
  load(st, run, loads);
  for (;;) {
    takeStatus(st, run, loads);
    if (loads.hand) takeHand(st, run, loads);
    if (nextPairing(st.scheduling, run).most == 0) break;
    load(st, run, loads);
    placeAll(st, run);
  }
}

HAND void interruptAll(const Patience& patience, const SchedulerState& st) {
  for (uint32_t base = 0; base < st.processors; base += 32) {
    const uint32_t p = base + lane();
    const uint32_t all = lowMask(st.processors - base);
    uint32_t waiting = all;
    for (uint32_t polls = 1;; ++polls) {
      const bool free = (waiting >> lane() & 1) && ((st.slotState[p] & 1) || loadRelaxedGpu(&st.mailboxes.status[p]) == st.slotState[p] >> 1);
      waiting &= ~__ballot_sync(~0u, free);
      if (waiting == 0) break;
      if (polls % 16 == 0 && __any_sync(~0u, givesUp(patience))) break;
    }
    if ((all & ~waiting) >> lane() & 1) {
      storeReleaseGpu(&st.mailboxes.doorbells[p * kDoorbellStride],
                      packDoorbell({0, nextSequence(st.slotState[p] >> 1), true}));
    }
  }
}

HAND void schedule(const Patience& patience, const SchedulerState& st) {
  for (uint32_t base = 0; base < st.processors; base += kSweepBatches * 32) {
    uint64_t last[kSweepBatches];
#pragma unroll
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      const uint32_t p = base + j * 32 + lane();
      last[j] = p < st.processors ? loadRelaxedGpu(&st.mailboxes.doorbells[p * kDoorbellStride]) : 0;
    }
#pragma unroll
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      const uint32_t p = base + j * 32 + lane();
      if (p >= st.processors) continue;
      st.slotState[p] = unpackDoorbell(last[j]).sequence << 1;
      st.tileDue[p] = 0;
    }
  }
  __syncwarp();
  SchedulerRun run;
  for (uint32_t polls = 1;; ++polls) {
    sweep(st, run);
    const bool done = lane() == 0 && run.scheduled == loadRelaxedCta(st.bound.bound);
    if (__any_sync(~0u, done)) break;
    if (polls % 16 == 0 && __any_sync(~0u, givesUp(patience))) break;
  }
  if (lane() == 0) storeReleaseCta(st.interrupted, 1);
  interruptAll(patience, st);
}

/// One kind of region of the watch list: `chunks` of 32 flags each, dealt to the subscribers in turn.
template <class First, class Count>
HAND void watch(SubscriberState& st, uint32_t regions, First first, Count count) {
  for (uint32_t base = 0; base < regions; base += 32) {
    const uint32_t r = base + lane();
    const uint32_t flags = r < regions ? count(r) : 0;
    const uint32_t start = (st.index + st.subscribers - r % st.subscribers) % st.subscribers;
    const uint32_t chunks = ceilDiv(flags, 32);
    uint32_t place = chunks > start ? ceilDiv(chunks - start, st.subscribers) : 0;
    const uint32_t total = scan(place);
    if (r < regions) {
      WatchChunk* out = st.watch + st.watched + place;
      for (uint32_t c = start; c * 32 < flags; c += st.subscribers) *out++ = {first(r) + c * 32, lowMask(flags - c * 32)};
    }
    st.watched += total;
  }
}

HAND Find takeDispatch(const SubscriberState& st, uint32_t flag, Signal signal) {
  const Shape& s = st.shape;
  const uint32_t source = flag / s.slots;
  const uint32_t slot = flag % s.slots;
  const bool current = signal.state == epochState(st.epoch);
  const uint32_t rows = current ? signal.rows : 0;
  const uint32_t rowTiles = current ? signal.rowTiles : 0;
  const uint32_t bit = 1u << source % 32;
  if (!(orRelaxedCta(&st.bound.corrected[source / 32], bit) & bit)) {
    const uint32_t full = fullPeerTasks(s, st.placement.base[st.rank + 1] - st.placement.base[st.rank]);
    addRelaxedCta(st.bound.bound, rowTiles * tasksPerRowBlock(s) - full);
  }
  return {rowBlocks(s, rows), gemm0Task(s, slot, source, 0, 0), gemm0Cols(s), gemm0Cols(s)};
}

HAND Find takeCombine(const Patience& patience, const SubscriberState& st, uint32_t flag, Signal signal) {
  if (signal.state != epochState(st.epoch)) {
    fail(patience, AbortCode::ProtocolError);
    return {0, 0, 0, 0};
  }
  storeRelaxedSys(&st.flags[flag], 0);
  return {1, gemm0Tasks(st.shape) + gemm1Tasks(st.shape) + flag - dispatchFlags(st.shape), 0, 1};
}

HAND void poll(const Patience& patience, SubscriberState& st, uint32_t c) {
  uint64_t word[4];
  uint32_t fresh[4];
  uint32_t any = 0;
#pragma unroll
  for (uint32_t j = 0; j < 4; ++j) {
    word[j] = 0;
    if (c + j < st.watched && (st.watch[c + j].pending >> lane() & 1)) word[j] = loadRelaxedSys(&st.flags[st.watch[c + j].first + lane()]);
  }
#pragma unroll
  for (uint32_t j = 0; j < 4; ++j) {
    fresh[j] = __ballot_sync(~0u, isFresh(word[j], c + j >= st.dispatchChunks, st.epoch));
    any |= fresh[j];
  }
  if (any == 0) return;
  asm volatile("fence.acq_rel.sys;" ::: "memory");
#pragma unroll
  for (uint32_t j = 0; j < 4; ++j) {
    if (fresh[j] == 0) continue;
    const bool combine = c + j >= st.dispatchChunks;
    const uint32_t flag = st.watch[c + j].first + lane();
    Find find = {0, 0, 0, 0};
    if (fresh[j] >> lane() & 1) {
      const Signal signal = unpackSignal(word[j]);
      find = combine ? takeCombine(patience, st, flag, signal) : takeDispatch(st, flag, signal);
    }
    if (combine) find = mergeRun(find, fresh[j], lane());
    uint32_t place = find.entries;
    const uint32_t total = scan(place);
    for (uint32_t i = 0; i < find.entries; ++i) {
      const uint32_t ticket = st.ticket + place + i;
      storeReleaseCta(&st.queue.ring[ticket & st.queue.mask],
                      packEntry({queueTag(ticket), find.first + i * find.stride, find.count}));
    }
    st.ticket += total;
    if (lane() == 0) st.watch[c + j].pending &= ~fresh[j];
  }
  __syncwarp();
}

HAND void subscribe(const Patience& patience, SubscriberState& st) {
  const Shape& s = st.shape;
  const uint32_t local = st.placement.base[st.rank + 1] - st.placement.base[st.rank];
  st.watched = 0;
  watch(st, s.ranks, [&](uint32_t r) { return r * s.slots; }, [&](uint32_t) { return local; });
  st.dispatchChunks = st.watched;
  watch(st, s.experts, [&](uint32_t e) { return combineFlag(s, e, 0, 0); },
        [&](uint32_t e) { return rowBlocks(s, st.ownRows[e]) * gemm1Cols(s); });
  __syncwarp();
  for (uint32_t polls = 1;; ++polls) {
    for (uint32_t c = 0; c < st.watched; c += 4) poll(patience, st, c);
    const bool interrupted = lane() == 0 && loadAcquireCta(st.interrupted) != 0;
    if (__any_sync(~0u, interrupted)) break;
    if (polls % 16 == 0 && __any_sync(~0u, givesUp(patience))) break;
  }
}

}  // namespace by_hand
