// The scheduler and the subscriber as one writes them for one warp of a GPU, without policies.
#pragma once

#include "kerneltwin/protocol/scheduler.h"
#include "kerneltwin/protocol/subscriber.h"
#include "by_hand_memory.cuh"

namespace by_hand {

/// A lane's part of the open hand, and the warp's counters.
struct Hand {
  uint32_t first = 0, count = 0, start = 0;
  uint32_t open = 0, taken = 0;
  uint32_t readyHead = 0, readyCount = 0;
  uint32_t scheduled = 0;
};

HAND void sweep(const SchedulerState& st, Hand& h) {
  for (uint32_t base = 0; base < st.processors; base += 4 * 32) {
    uint32_t seen[4];
#pragma unroll
    for (uint32_t j = 0; j < 4; ++j) {
      const uint32_t p = base + j * 32 + lane();
      seen[j] = p < st.processors ? loadRelaxedGpu(&st.mailboxes.status[p]) : 0;
    }
#pragma unroll
    for (uint32_t j = 0; j < 4; ++j) {
      const uint32_t p = base + j * 32 + lane();
      const bool free = p < st.processors && seen[j] << 1 == st.slotState[p];
      const uint32_t freed = __ballot_sync(~0u, free);
      if (freed == 0) continue;
      if (free) {
        st.readyQueue[(h.readyHead + h.readyCount + __popc(freed & lanesBelow())) & st.readyMask] = p;
        st.slotState[p] |= 1;
      }
      h.readyCount += __popc(freed);
    }
  }
  __syncwarp();
}

HAND bool openHand(const SchedulerState& st, Hand& h) {
  const uint32_t queues = roundUpPow2(st.subscribers + 1);
  const uint32_t each = min(32 / queues, 4u);
  const uint32_t q = lane() / each;
  const uint32_t nth = lane() % each;
  h.first = h.count = 0;
  bool there = false;
  if (q <= st.subscribers) {
    const uint32_t ticket = st.heads[q] + nth;
    const bool mine = q < st.subscribers;
    const uint64_t word = mine ? loadAcquireCta(&st.subscriberQueues[q].ring[ticket & st.subscriberQueues[q].mask])
                               : loadAcquireGpu(&st.processorQueue.ring[ticket & st.processorQueue.mask]);
    const QueueEntry entry = unpackEntry(word);
    there = entry.tag == queueTag(ticket);
    if (there) {
      h.first = entry.first;
      h.count = entry.count;
    }
  }
  const uint32_t found = __ballot_sync(~0u, there);
  h.open = h.taken = 0;
  if (found == 0) return false;
  const uint32_t missing = ~(found >> (q * each)) | ~lowMask(each);
  const uint32_t inOrder = missing == 0 ? each : __ffs(missing) - 1;
  if (nth >= inOrder) h.first = h.count = 0;
  else if (nth == 0) st.heads[q] += inOrder;
  h.start = h.count;
  h.open = scan(h.start);
  __syncwarp();
  return h.open > 0;
}

HAND uint32_t place(const SchedulerState& st, Hand& h) {
  const uint32_t batch = min(min(h.open - h.taken, h.readyCount), 32u);
  uint32_t from = 0;
#pragma unroll
  for (uint32_t step = 16; step > 0; step /= 2) {
    if (__shfl_sync(~0u, h.start, from + step) <= h.taken + lane()) from += step;
  }
  const uint32_t first = __shfl_sync(~0u, h.first, from);
  const uint32_t start = __shfl_sync(~0u, h.start, from);
  if (lane() < batch) {
    const uint32_t p = st.readyQueue[(h.readyHead + lane()) & st.readyMask];
    const uint32_t sequence = nextSequence(st.slotState[p] >> 1);
    st.slotState[p] = sequence << 1;
    storeReleaseGpu(&st.mailboxes.doorbells[p * kDoorbellStride],
                    packDoorbell({first + (h.taken + lane() - start), sequence, false}));
  }
  h.taken += batch;
  h.readyHead += batch;
  h.readyCount -= batch;
  h.scheduled += batch;
  __syncwarp();
  return batch;
}

HAND uint32_t placeAll(const SchedulerState& st, Hand& h) {
  uint32_t placed = 0;
  while (h.taken < h.open || openHand(st, h)) {
    if (h.readyCount == 0) break;
    placed += place(st, h);
  }
  return placed;
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
  for (uint32_t base = 0; base < st.processors; base += 32) {
    const uint32_t p = base + lane();
    if (p >= st.processors) continue;
    st.slotState[p] = unpackDoorbell(loadRelaxedGpu(&st.mailboxes.doorbells[p * kDoorbellStride])).sequence << 1;
  }
  __syncwarp();
  Hand h;
  for (uint32_t polls = 1;; ++polls) {
    sweep(st, h);
    placeAll(st, h);
    const bool done = lane() == 0 && h.scheduled == loadRelaxedCta(st.bound.bound);
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
