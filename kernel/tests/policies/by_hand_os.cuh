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
  const HandLanes lanes = handLanes(st.subscribers, st.processorQueue.mask + 1);
  const uint32_t q = lanes.queueOf(lane());
  loads.hand = st.scheduling != Scheduling::Fifo || run.backlog[0].count() < st.processors;
  loads.entry = 0;
  const uint32_t ticket = st.heads[q] + lanes.nth(lane());
  if (loads.hand && lane() < lanes.used) {
    loads.entry = q < st.subscribers ? loadRelaxedCta(&st.subscriberQueues[q].ring[ticket & st.subscriberQueues[q].mask])
                                     : loadRelaxedGpu(&st.processorQueue.ring[ticket & st.processorQueue.mask]);
  }
  loadStatus(st, 0, loads);
}

HAND void takeStatus(const SchedulerState& st, SchedulerRun& run, Loads& loads) {
  for (uint32_t base = 0; base < st.processors; base += kSweepBatches * 32) {
    if (base > 0) loadStatus(st, base, loads);
    uint32_t freedOf[kSweepBatches];
#pragma unroll
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      const uint32_t p = base + j * 32 + lane();
      freedOf[j] = __ballot_sync(~0u, p < st.processors && loads.status[j] << 1 == st.slotState[p]);
    }
#pragma unroll
    for (uint32_t j = 0; j < kSweepBatches; ++j) {
      const uint32_t p = base + j * 32 + lane();
      const uint32_t freed = freedOf[j];
      const bool free = freed >> lane() & 1;
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
  const HandLanes lanes = handLanes(st.subscribers, st.processorQueue.mask + 1);
  const uint32_t upToHere = lanes.upTo(lane());
  const QueueEntry entry = unpackEntry(loads.entry);
  const uint32_t found = __ballot_sync(~0u, lane() < lanes.used && entry.tag == queueTag(st.heads[lanes.queueOf(lane())] + lanes.nth(lane())));
  if (found == 0) return;
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
  uint32_t taken = __ballot_sync(~0u, (found & upToHere) == upToHere);
  const uint32_t c = backlogOf(st, entry.first);
  const RingSpan backlog = spanOf(run.backlog, c);
  uint64_t place;
  uint64_t sums;
  for (;;) {
    const uint64_t count = taken >> lane() & 1 ? entry.count : 0;
    place = count << (c * kClassBits);
    sums = scan(place);
    const bool fits = tasksOfClass(place, c) + entry.count <= st.backlogRoom - backlog.count();
    const uint32_t over = __ballot_sync(~0u, (taken >> lane() & 1) && !fits);
    if (over == 0) break;
    taken = __ballot_sync(~0u, (taken >> lane() & 1) && (over & upToHere) == 0);
  }
  if (taken >> lane() & 1) {
    const uint32_t at = backlog.tail + tasksOfClass(place, c);
    for (uint32_t i = 0; i < entry.count; ++i) {
      st.backlogs[c * st.backlogRoom + ((at + i) & (st.backlogRoom - 1))] = entry.first + i;
    }
  }
#pragma unroll
  for (uint32_t i = 0; i < kTaskClasses; ++i) run.backlog[i].tail += tasksOfClass(sums, i);
  if (lane() <= st.subscribers) st.heads[lane()] += __popc(taken & lanes.lanesOf(lane()));
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
  for (Pairing next = nextPairing(st.scheduling, run, st.processors); next.most > 0; next = nextPairing(st.scheduling, run, st.processors)) placed += place(st, run, next);
  __syncwarp();
  return placed;
}

HAND void sweep(const SchedulerState& st, SchedulerRun& run) {
  Loads loads;
  load(st, run, loads);
  for (;;) {
    takeStatus(st, run, loads);
    if (loads.hand) takeHand(st, run, loads);
    if (nextPairing(st.scheduling, run, st.processors).most == 0) break;
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

/// One kind of region of the watch list: chunks of `each` flags, dealt to the subscribers in turn.
template <class First, class Count>
HAND void watch(SubscriberState& st, uint32_t regions, uint32_t each, First first, Count count) {
  for (uint32_t base = 0; base < regions; base += 32) {
    const uint32_t r = base + lane();
    const uint32_t flags = r < regions ? count(r) : 0;
    const uint32_t start = (st.index + st.subscribers - r % st.subscribers) % st.subscribers;
    const uint32_t chunks = ceilDiv(flags, each);
    uint32_t place = chunks > start ? ceilDiv(chunks - start, st.subscribers) : 0;
    const uint32_t total = scan(place);
    if (r < regions) {
      WatchChunk* out = st.watch + st.watched + place;
      for (uint32_t c = start; c * each < flags; c += st.subscribers) {
        *out++ = {first(r) + c * each, lowMask(flags - c * each) & lowMask(each)};
      }
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
  return {gemm0Task(s, slot, source, 0, 0), rowBlocks(s, rows) * gemm0Cols(s), entryRowBlocks(s) * gemm0Cols(s)};
}

HAND Find takeCombine(const Patience& patience, const SubscriberState& st, uint32_t flag, Signal signal) {
  if (signal.state != epochState(st.epoch)) {
    fail(patience, AbortCode::ProtocolError);
    return kNothing;
  }
  storeRelaxedSys(&st.flags[flag], 0);
  return {gemm0Tasks(st.shape) + gemm1Tasks(st.shape) + flag - dispatchFlags(st.shape), 1, 1};
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
    Find find = kNothing;
    if (fresh[j] >> lane() & 1) {
      const Signal signal = unpackSignal(word[j]);
      find = combine ? takeCombine(patience, st, flag, signal) : takeDispatch(st, flag, signal);
    }
    if (combine) find = mergeRun(find, fresh[j], lane());
    uint32_t place = find.entries();
    const uint32_t total = scan(place);
    uint32_t ticket = st.ticket + place;
    for (uint32_t at = 0; at < find.tasks; at += find.each, ++ticket) {
      storeReleaseCta(&st.queue.ring[ticket & st.queue.mask],
                      packEntry({queueTag(ticket), find.first + at, min(find.tasks - at, find.each)}));
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
  watch(st, s.ranks, dispatchChunkFlags(s, local, st.subscribers), [&](uint32_t r) { return r * s.slots; }, [&](uint32_t) { return local; });
  st.dispatchChunks = st.watched;
  watch(st, s.experts, 32, [&](uint32_t e) { return combineFlag(s, e, 0, 0); },
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
