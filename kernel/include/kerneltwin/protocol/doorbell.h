// Doorbells and status words: the mailbox between the scheduler and one processor, depth one.
//
// The scheduler writes doorbell `sequence` only after it has read status `sequence - 1`; the processor writes status
// `sequence` after it has read the doorbell (eager) or finished the task (lazy). So a doorbell is overwritten only after it
// was consumed, and two consecutive values differ even for the same task (S6).
#pragma once

#include "kerneltwin/protocol/policy.h"

namespace kerneltwin {

/// Doorbells lie a cache line apart: each is polled by one processor, and a neighbour's ring must not disturb it.
inline constexpr uint32_t kDoorbellStride = 16;

KT_HD uint32_t nextSequence(uint32_t sequence) { return (sequence + 1) & ((1u << kSequenceBits) - 1); }

/// The words of a rank's mailboxes. Status words are dense, so that a warp sweeps 32 of them with one load.
struct Mailboxes {
  uint64_t* doorbells;  ///< [processor * kDoorbellStride]
  uint32_t* status;     ///< [processor]
};

/// Status words before the first launch. Eager: doorbell 0 counts as taken, so every mailbox is free. Lazy: not free until the
/// processor says so after its share of the dispatch, or the scheduler would commit tasks to blocks that still copy rows
/// while others idle.
KT_HD uint32_t initialStatus(bool eager) { return eager ? 0u : 0xffffffffu; }

/// Rings a processor. Release: whatever made the task ready happens before the processor reads its inputs.
template <class M>
KT_HD void ringDoorbell(M& mem, const Mailboxes& box, uint32_t processor, Doorbell d) {
  mem.template store<Order::Release, Scope::Device>(&box.doorbells[processor * kDoorbellStride], packDoorbell(d));
}

/// Stands between the looks that found queue entries (TaskQueue::look) and the doorbells of their tasks (ringFenced), once for all
/// of them: acquires what the entries' publishers released, and releases it to the processors.
template <class M>
KT_HD void fenceHand(M& mem) {
  mem.template fence<Order::AcqRel, Scope::Device>();
}

/// Rings a processor behind fenceHand.
template <class M>
KT_HD void ringFenced(M& mem, const Mailboxes& box, uint32_t processor, Doorbell d) {
  mem.template store<Order::Relaxed, Scope::Device>(&box.doorbells[processor * kDoorbellStride], packDoorbell(d));
}

/// Waits for a doorbell newer than `last`; false when the launch was aborted.
template <class M>
KT_HD bool awaitDoorbell(M& mem, const Mailboxes& box, uint32_t processor, uint32_t last, Doorbell& out) {
  return mem.spin([&] {
    out = unpackDoorbell(mem.template load<Order::Acquire, Scope::Device>(&box.doorbells[processor * kDoorbellStride]));
    return out.sequence != last;
  });
}

/// Frees the mailbox slot: the processor has taken (eager) or finished (lazy) doorbell `sequence`.
template <class M>
KT_HD void publishStatus(M& mem, const Mailboxes& box, uint32_t processor, uint32_t sequence) {
  mem.template store<Order::Release, Scope::Device>(&box.status[processor], sequence);
}

/// Relaxed, so that a sweep's loads overlap (about 0.35 us each when they wait for one another): a status word says that a
/// slot is free and carries no data; what makes the next task ready is acquired from its queue entry.
template <class M>
KT_HD uint32_t readStatus(M& mem, const Mailboxes& box, uint32_t processor) {
  return mem.template load<Order::Relaxed, Scope::Device>(&box.status[processor]);
}

/// The last sequence rung, for a scheduler that starts a launch.
template <class M>
KT_HD uint32_t lastRung(M& mem, const Mailboxes& box, uint32_t processor) {
  return unpackDoorbell(mem.template load<Order::Relaxed, Scope::Device>(&box.doorbells[processor * kDoorbellStride])).sequence;
}

/// A processor's first word of a launch: returns the sequence of the last doorbell it took (the previous launch's exit). Lazy
/// processors free their mailbox here; eager ones did so when they took that doorbell.
template <class M>
KT_HD uint32_t openMailbox(M& mem, const Mailboxes& box, uint32_t processor, bool eager) {
  const uint32_t status = readStatus(mem, box, processor);
  if (eager) return status;
  publishStatus(mem, box, processor, nextSequence(status));
  return nextSequence(status);
}

}  // namespace kerneltwin
