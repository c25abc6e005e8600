// A task queue: a ring of tagged 64-bit entries. Publishing an entry is one release store; consuming is one acquire
// load of the slot at the consumer's head. The tag is the low bits of ticket + 1, so a slot never has to be cleared and
// there is no separate tail to read (which would double the scheduler's sweep).
#pragma once

#include "kerneltwin/protocol/policy.h"

namespace kerneltwin {

/// `S` is the smallest scope that holds all producers and the consumer: Block for a subscriber's queue, Device for
/// the queue that processors publish GEMM1 tasks on.
template <Scope S>
struct TaskQueue {
  uint64_t* ring;  ///< `mask + 1` entries, zero before the first launch
  uint32_t mask;   ///< capacity - 1; the capacity is a power of two

  /// Publishes `count` consecutive tasks under `ticket`. The caller owns the ticket and has made sure that entry
  /// `ticket - capacity` was consumed: capacities are an epoch's upper bound, and an epoch drains its queues (L4).
  template <class M>
  KT_HD void publish(M& mem, uint32_t ticket, uint32_t first, uint32_t count) const {
    mem.template store<Order::Release, S>(&ring[ticket & mask], packEntry({queueTag(ticket), first, count}));
  }

  /// Reads where the entry of `ticket` will be; it is there when the tag is that of the ticket. Relaxed, so that many looks
  /// overlap: an acquire fence follows before anything behind the entry is passed on.
  template <class M>
  KT_HD uint64_t look(M& mem, uint32_t ticket) const {
    return mem.template load<Order::Relaxed, S>(&ring[ticket & mask]);
  }
};

/// A subscriber's queue, and the processors' queue with its shared ticket counter.
using SubscriberQueue = TaskQueue<Scope::Block>;
using ProcessorQueue = TaskQueue<Scope::Device>;

KT_HD uint32_t roundUpPow2(uint64_t n) {
  uint64_t p = 1;
  while (p < n) p <<= 1;
  return static_cast<uint32_t>(p);
}

/// GEMM0 tasks that an entry should not exceed: few enough that several entries of different cells fit a backlog.
inline constexpr uint32_t kEntryTasks = 128;

/// Row blocks of a dispatch cell that share an entry. Neighbours do, because they share the expert's weights: entry by entry from
/// all queues in turn, row blocks of many experts would run side by side, whose weights together do not fit L2.
KT_HD uint32_t entryRowBlocks(const Shape& s) {
  const uint32_t fit = kEntryTasks / gemm0Cols(s);
  return fit > 0 ? fit : 1;
}

/// Most row blocks that the tokens of one rank can make over all experts: every row in its own tile share, plus one
/// residue block an expert, and never more than all cells full.
KT_HD uint64_t sentRowBlocks(const Shape& s) {
  const uint64_t full = static_cast<uint64_t>(s.experts) * cellRowBlocks(s);
  const uint64_t routed = static_cast<uint64_t>(s.tokens) * s.topK / s.tileRows + s.experts;
  return routed < full ? routed : full;
}

/// Entries one subscriber queue must hold: every row block of every incoming cell, and every COMBINE tile. Any one
/// subscriber may own all of them when there is a single subscriber, so the bound does not divide by their number.
KT_HD uint32_t subscriberQueueCapacity(const Shape& s) {
  const uint64_t gemm0 = static_cast<uint64_t>(s.ranks) * s.slots * cellRowBlocks(s);
  return roundUpPow2(gemm0 + sentRowBlocks(s) * gemm1Cols(s));
}

/// Entries the processors' queue must hold: one per row block of every incoming cell.
KT_HD uint32_t processorQueueCapacity(const Shape& s) {
  return roundUpPow2(static_cast<uint64_t>(s.ranks) * s.slots * cellRowBlocks(s));
}

}  // namespace kerneltwin
