// A hand: the queue entries that the scheduler's lanes look at together, one a lane. How the lanes are dealt to the queues.
#pragma once

#include "kerneltwin/layout/bits.h"
#include "kerneltwin/protocol/policy.h"

namespace kerneltwin {

/// Subscribers' queues plus the processors' queue must not exceed one lane each.
inline constexpr uint32_t kMaxQueues = kLanes;

/// Every subscriber's queue has the same few lanes, as many as go evenly, up to four. The processors' queue, the last, has the
/// rest, because all GEMM1 tasks come through it: with two entries of it a sweep, as of the others, an H200 placed 2.7 GEMM1 tiles
/// a microsecond where the memory's rate wants 3.9.
struct HandLanes {
  uint32_t subscribers;
  uint32_t each;
  uint32_t used;  ///< lanes that look at an entry: no more than the processors' queue has

  KT_HD uint32_t queueOf(uint32_t lane) const {
    const uint32_t q = lane / each;
    return q < subscribers ? q : subscribers;
  }
  KT_HD uint32_t firstLane(uint32_t queue) const { return queue * each; }
  /// Entry of its queue, counted from the head, that a lane looks at.
  KT_HD uint32_t nth(uint32_t lane) const { return lane - firstLane(queueOf(lane)); }
  /// The lanes of a queue, as a mask.
  KT_HD uint32_t lanesOf(uint32_t queue) const { return (queue < subscribers ? lowMask(each) : ~0u) << firstLane(queue); }
  /// The lanes of the lane's queue up to itself.
  KT_HD uint32_t upTo(uint32_t lane) const { return lanesOf(queueOf(lane)) & lowMask(lane + 1); }
};

KT_HD HandLanes handLanes(uint32_t subscribers, uint32_t processorQueueCapacity) {
  const uint32_t queues = subscribers + 1;
  const uint32_t each = queues > kLanes / 2 ? 1 : queues > kLanes / 4 ? 2 : 4;
  const uint32_t rest = kLanes - subscribers * each;
  return {subscribers, each, subscribers * each + (rest < processorQueueCapacity ? rest : processorQueueCapacity)};
}

}  // namespace kerneltwin
